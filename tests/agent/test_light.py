import os
import subprocess
import sys
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
