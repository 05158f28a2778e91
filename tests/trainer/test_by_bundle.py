"""A user's logs and labels, read as a bundle reads them."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle
from models.errors import UserError
from tests.trainer.conftest import Demo
from trainer.corpus import Corpus
from trainer.datasets.by_bundle import OwnLogs, gather


@pytest.fixture(scope="module")
def shop(bundle: Path) -> Bundle:
    return Bundle.load(bundle)


def gathered(shop: Bundle, demo: Demo, folder: Path, *labels: Path) -> Corpus:
    logs = OwnLogs((demo.log(demo.target),))
    return gather(shop, logs, labels, folder / "corpus", name="mine")[0]


def jsonl(folder: Path, *records: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def label_of(corpus: Corpus, key: str) -> int:
    return int(corpus.labels[corpus.keys.index(key)])


def test_the_same_as_prepare_makes(
    shop: Bundle, demo: Demo, target: Corpus, tmp_path: Path
) -> None:
    corpus = gathered(shop, demo, tmp_path)
    assert corpus.name == "mine"
    assert (corpus.messages, corpus.keys) == (target.messages, target.keys)
    assert np.array_equal(corpus.events, target.events)
    assert set(corpus.labels.tolist()) == {-1}
    assert corpus.origin.masks == target.origin.masks
    assert corpus.origin.live_idle == target.origin.live_idle
    labelled = gather(
        shop, OwnLogs((demo.corpus(demo.target),)), (), tmp_path / "copy", name="mine"
    )[0]
    assert labelled.fingerprint == target.fingerprint


def test_labels_by_key(shop: Bundle, demo: Demo, target: Corpus, tmp_path: Path) -> None:
    corpus = gathered(shop, demo, tmp_path, demo.labels(demo.target))
    assert np.array_equal(corpus.labels, target.labels)
    assert [one["role"] for one in corpus.origin.inputs[1:]] == ["labels"]


def test_a_list_of_anomalies_makes_the_others_normal(
    shop: Bundle, demo: Demo, target: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "odd.csv").write_text(f"{target.keys[3]}\n")
    corpus = gathered(shop, demo, tmp_path, tmp_path / "odd.csv")
    assert np.flatnonzero(corpus.labels).tolist() == [3]


def test_labelled_sessions_lend_their_label_or_join(
    shop: Bundle, demo: Demo, target: Corpus, tmp_path: Path
) -> None:
    known, unsure = target.keys[0], target.keys[1]
    event = "checkout[7]: order ord-0123abcd: cart validated, 3 items, total 1.00 EUR"
    file = jsonl(
        tmp_path,
        {"id": known, "label": "anomaly", "events": ["whatever"]},
        {"id": unsure, "label": None, "events": ["whatever"]},
        {"id": "ord-0123abcd", "label": 0, "events": [event, event]},
    )
    corpus = gathered(shop, demo, tmp_path, file)
    assert len(corpus) == len(target) + 1
    assert (label_of(corpus, known), label_of(corpus, unsure)) == (1, -1)
    assert label_of(corpus, "ord-0123abcd") == 0
    # Masked as the logs are, so it is an event that they have.
    [message] = set(corpus.session(len(target)).tolist())
    assert message < len(target.messages)


def test_of_sessions_with_one_key_the_one_of_that_length(
    shop: Bundle, demo: Demo, tmp_path: Path
) -> None:
    logs = OwnLogs((demo.log(demo.target),), end_regex="authorising")
    whole = gather(shop, logs, (), tmp_path / "whole", name="mine")[0]
    twice = next(key for key in whole.keys if whole.keys.count(key) == 2)
    first, second = (i for i, key in enumerate(whole.keys) if key == twice)
    assert len(whole.session(first)) != len(whole.session(second))
    events = ["x"] * len(whole.session(second))
    file = jsonl(tmp_path, {"id": twice, "label": 1, "events": events})
    corpus = gather(shop, logs, (file,), tmp_path / "corpus", name="mine")[0]
    assert np.flatnonzero(corpus.labels == 1).tolist() == [second]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,normal\nb,anomaly\n", "none of its 2 sessions"),
        ('{"id": "a"}\n', "line 1: no session"),
        ("a,normal\nb,purple\n", "line 2: label 'purple'"),
        ("", "is empty"),
    ],
)
def test_labels_that_cannot_be_used(
    content: str, said: str, shop: Bundle, demo: Demo, tmp_path: Path
) -> None:
    (tmp_path / "labels").write_text(content)
    with pytest.raises(UserError, match=said):
        gathered(shop, demo, tmp_path, tmp_path / "labels")
    assert not (tmp_path / "corpus").exists()


def test_another_key_is_masked_in_the_place_of_the_bundles(
    shop: Bundle, demo: Demo, tmp_path: Path
) -> None:
    logs = OwnLogs((demo.log(demo.target),), key_regex=r"(shop-\d+)")
    corpus = gather(shop, logs, (), tmp_path / "corpus", name="mine")[0]
    assert set(corpus.keys) <= {f"shop-{number}" for number in range(100)}
    assert corpus.origin.masks[0].pattern == r"(shop-\d+)"
    assert corpus.origin.rule.key_regex == r"(shop-\d+)"
