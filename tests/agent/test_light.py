import subprocess
import sys

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
