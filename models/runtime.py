"""ONNX Runtime, as the agent uses it."""

from typing import Any

from models.errors import UserError

CUDA = "CUDAExecutionProvider"


def open_graph(name: str, content: bytes, provider: str) -> Any:
    """An InferenceSession of a graph. name: of its file, for the message.

    provider: "cpu", "cuda" or "auto" (CUDA where ONNX Runtime has it, else the CPU). Raises
    UserError where ONNX Runtime is missing, has no such provider or refuses the graph.
    """
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "ONNX Runtime is not installed: pip install 'metalog[cpu]', or 'metalog[gpu]' on a "
            "machine with CUDA (one of them, never both)"
        ) from None
    available = onnxruntime.get_available_providers()
    if provider == "cuda" and CUDA not in available:
        raise UserError(
            "--provider cuda: this ONNX Runtime has no CUDA provider: install 'metalog[gpu]' "
            "(and remove onnxruntime first), or take --provider cpu"
        )
    providers = ["CPUExecutionProvider"]
    if CUDA in available and provider in ("auto", "cuda"):
        providers.insert(0, CUDA)
    options = onnxruntime.SessionOptions()
    # The agent runs beside what it watches: one thread, and none that spins while it waits.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A plan of the memory is kept for every shape ever seen, and here nearly every run has another.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:
        # ONNX Runtime raises a family of its own that shares no base but Exception.
        reason = str(error).split("\n")[0]
        raise UserError(f"{name}: ONNX Runtime cannot open it: {reason}") from None
