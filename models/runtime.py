"""ONNX Runtime, as the agent uses it."""

import os
from typing import Any

from models.errors import UserError

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"

# Since 1.29 it tells Microsoft of every process and session over the network, and keeps an id of
# the machine in the home folder. It asks for this once, when it is loaded: nothing that is called
# later ends it. Whoever wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def chosen_provider(provider: str) -> str:
    """The name that ONNX Runtime has for "cpu", "cuda" or "auto": CUDA where it has that, else the
    CPU. Raises UserError where ONNX Runtime is missing or has no such provider."""
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
    return CUDA if CUDA in available and provider in ("auto", "cuda") else CPU


def open_graph(name: str, content: bytes, provider: str) -> Any:
    """An InferenceSession of a graph. name: of its file, for the message.

    provider: see ``chosen_provider``. Raises UserError for that, or where ONNX Runtime refuses the
    graph.
    """
    providers = list(dict.fromkeys([chosen_provider(provider), CPU]))
    import onnxruntime

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
