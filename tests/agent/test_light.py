import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HEAVY = {"torch", "gensim", "onnx", "pandas", "sklearn", "scipy", "tensorboard"}


@pytest.mark.parametrize("module", ["agent.cli", "agent.watching", "models.scorer"])
def test_the_agent_imports_nothing_of_the_trainer(module: str) -> None:
    code = (
        f"import {module}, sys; "
        f"found = ({HEAVY!r} | {{'trainer', 'export'}}) & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_scoring_imports_nothing_heavy_either(bundle_path: object) -> None:
    code = (
        "import sys; from pathlib import Path; from models.bundle import Bundle; "
        "from models.scorer import Scorer; "
        f"Scorer(Bundle.load(Path({str(bundle_path)!r})), 'cpu').score([[0, 1]]); "
        f"found = {HEAVY!r} & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_http_client_is_loaded_only_by_who_sends_over_http() -> None:
    code = "import agent.cli, sys; assert 'httpx' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_agent_that_follows_quiet_files_loads_nothing_it_does_not_need(
    bundle_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "quiet.log").write_text("order 1 received\n")
    watch = ["watch", tmp_path, "--bundle", bundle_path, "--state-dir", tmp_path / "state"]
    code = f"""
        import atexit, sys
        # No HTTP without a sink that needs it; nothing of NumPy beside its core.
        unwanted = {HEAVY | {"httpx", "ssl", "asyncio", "rich", "numpy.ma", "trainer", "export"}!r}
        atexit.register(lambda: print(sorted(unwanted & set(sys.modules))))
        sys.argv = ["metalog-agent", *{[str(one) for one in watch]!r}]
        from agent.cli import main
        main()
    """
    agent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert agent.stderr is not None
        assert any("following" in line for line in agent.stderr)
        agent.terminate()
        said, _ = agent.communicate(timeout=60)
    finally:
        agent.kill()
        agent.wait()
    assert agent.returncode == 0
    assert said == "[]\n"


def test_nothing_is_told_to_the_makers_of_the_runtime(bundle_path: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from models.bundle import Bundle; "
        "from models.scorer import Scorer; "
        f"Scorer(Bundle.load(Path({str(bundle_path)!r})), 'cpu').score([[0, 1]])"
    )
    # Neither what keeps it quiet by itself, as in a build, nor what whoever runs this has set.
    kept = {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env=environment)
    # Its uploader would have made a file of its own here.
    assert list(tmp_path.rglob("*")) == []
