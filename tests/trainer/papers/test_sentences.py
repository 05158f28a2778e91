"""NeuralLog with a pre-trained sentence model: a tiny one, made here."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("sentence_transformers")
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizer

from models.errors import UserError
from tests.trainer.conftest import Demo
from tests.trainer.test_compare import compare
from trainer.benchmark.papers.sentences import pretrained

_WIDTH = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of random weights, as no hub can be reached here."""
    folder = tmp_path_factory.mktemp("bert")
    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "disk", "error", "block", "received")
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizer.from_pretrained(folder).save_pretrained(folder)
    BertModel(
        BertConfig(
            vocab_size=len(words), hidden_size=_WIDTH, num_hidden_layers=1,
            num_attention_heads=2, intermediate_size=2 * _WIDTH,
        )
    ).save_pretrained(folder)  # fmt: skip
    made = folder / "sentences"
    modules = [Transformer(str(folder)), Pooling(_WIDTH)]
    SentenceTransformer(modules=modules, device="cpu").save(str(made))
    return made


def test_a_message_is_read_in_its_order_without_numbers_and_signs(model: Path) -> None:
    encode = pretrained(str(model))
    found = encode(["disk error", "Error: disk", "diskError <NUM>: 17!", ""])
    assert found.shape == (4, _WIDTH)
    assert found.dtype == np.float32
    assert not np.allclose(found[0], found[1])
    assert np.allclose(found[0], found[2], atol=1e-6)


def test_a_comparison_takes_it_in_the_place_of_word_vectors(
    demo: Demo, model: Path, tmp_path: Path
) -> None:
    rows = ("--methods", "neurallog,keywords", "--sweep-seeds", 0, "--seeds", 1)
    plain = compare(demo, tmp_path / "plain", *rows)
    done = compare(demo, tmp_path / "out", *rows, "--sentence-model", model)
    assert done.exit_code == 0, done.output
    scores = {}
    for name in ("plain", "out"):
        report = json.loads((tmp_path / name / "table.json").read_bytes())
        scores[name] = next(row for row in report["results"] if "neurallog" in row["method"])
    assert scores["out"]["method"] == f"neurallog/sentences={model}"
    assert scores["out"]["auroc"] != scores["plain"]["auroc"]
    page = (tmp_path / "out" / "compare.md").read_text()
    assert "| d3 | NeuralLog |" in page
    assert f"NeuralLog's sentences are read by {model}." in page
    assert "d3 NeuralLog" in (tmp_path / "out" / "roc.svg").read_text()
    assert plain.exit_code == 0


def test_a_model_that_is_not_there_is_one_line_before_anything_runs(
    demo: Demo, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    done = compare(demo, tmp_path / "out", "--sentence-model", nowhere)
    assert isinstance(done.exception, UserError)
    said = str(done.exception)
    assert said.startswith(f"sentence model {nowhere}: cannot be loaded: ")
    assert "\n" not in said


def test_weights_that_are_pickles_are_refused(model: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    shutil.copytree(model, pickled)
    weights = pickled / "model.safetensors"
    torch.save(load_file(weights), pickled / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(UserError, match="safetensors"):
        pretrained(str(pickled))
