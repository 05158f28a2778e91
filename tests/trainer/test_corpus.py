"""The corpus on disk: it comes back as it was written, and damage is noticed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UserError
from models.masks import DEFAULT_MASKS
from models.session_rule import SessionRule
from trainer.corpus import Corpus, CorpusWriter, Origin
from trainer.datasets.raw import line_format_of

ORIGIN = Origin(
    name="s\u2028ystem", format="hdfs", line_format=line_format_of("hdfs"),
    rule=SessionRule(key_regex="(k)", idle=3.0), masks=DEFAULT_MASKS, parsed=False, live_idle=12.5,
    inputs=[{"name": "a.log", "bytes": 3, "sha256": "0"}], created="now", version="1",
)  # fmt: skip

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SESSIONS = st.lists(
    st.tuples(
        TEXT,
        st.lists(TEXT, min_size=1, max_size=6),
        st.sampled_from([-1, 0, 1]),
        st.none() | st.floats(0, 2e9),
    ),
    min_size=1,
    max_size=8,
)
Content = list[tuple[str, list[str], int, float | None]]


def write(path: Path, content: Content) -> Corpus:
    writer = CorpusWriter()
    for key, messages, label, time in content:
        writer.add(key, [writer.message(message) for message in messages], label, time)
    writer.write(path, ORIGIN, {"lines": 99, "lines_without_session": 1})
    return Corpus.open(path)


@given(SESSIONS)
def test_it_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, content: Content
) -> None:
    corpus = write(tmp_path_factory.mktemp("corpora") / "corpus", content)
    assert corpus.origin == ORIGIN
    assert len(corpus) == len(content)
    for index, (key, messages, label, time) in enumerate(content):
        assert corpus.keys[index] == key
        assert [corpus.messages[i] for i in corpus.session(index)] == messages
        assert corpus.labels[index] == label
        assert np.isnan(corpus.times[index]) if time is None else corpus.times[index] == time
    assert len(set(corpus.messages)) == len(corpus.messages)
    assert corpus.counts["sessions"] == len(content)
    assert corpus.counts["anomalous"] == sum(label == 1 for _, _, label, _ in content)
    assert corpus.counts["unlabelled"] == sum(label == -1 for _, _, label, _ in content)
    assert corpus.counts["lines"] == 99


CONTENT: Content = [("k1", ["a b", "c d e"], 0, 1.0), ("k2", ["c d e"], 1, 2.0)]


def test_the_fingerprint_is_that_of_the_sessions(tmp_path: Path) -> None:
    first = write(tmp_path / "a", CONTENT).fingerprint
    assert write(tmp_path / "b", CONTENT).fingerprint == first
    others: list[Content] = [
        [("k1", ["a b", "c d e"], 0, 1.0), ("k2", ["c d e"], 0, 2.0)],
        [("k1", ["a b", "c d e"], 0, 1.0), ("k3", ["c d e"], 1, 2.0)],
        [("k1", ["a b"], 0, 1.0), ("k2", ["c d e", "c d e"], 1, 2.0)],
        [("k1", ["a b", "c d f"], 0, 1.0), ("k2", ["c d f"], 1, 2.0)],
    ]
    found = {write(tmp_path / f"c{i}", other).fingerprint for i, other in enumerate(others)}
    assert len({first, *found}) == 5


def test_the_digest_tells_sessions_apart(tmp_path: Path) -> None:
    corpus = write(
        tmp_path / "a", [("k", ["a"], 0, None), ("k", ["a", "a"], 0, None), ("ka", ["a"], 0, None),
                         ("k", ["a"], 1, 5.0)],
    )  # fmt: skip
    digests = [corpus.digest(i) for i in range(4)]
    assert len(set(digests)) == 3
    # What is known of a session (its label, its time) does not make it another one.
    assert digests[0] == digests[3]
    # Numbers of messages differ from corpus to corpus, what the lines say does not.
    other = write(tmp_path / "b", [("z", ["first", "b"], 0, None), ("k", ["a", "a"], 0, None)])
    assert other.digest(1) == digests[1]


def test_an_occupied_folder_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "a", CONTENT)
    with pytest.raises(UserError, match="not empty"):
        write(tmp_path / "a", CONTENT[:1])
    assert len(Corpus.open(tmp_path / "a")) == 2


@pytest.mark.parametrize(
    "name", ["corpus.json", "events.npy", "offsets.npy", "labels.npy", "times.npy",
             "messages.jsonl", "keys.jsonl"],
)  # fmt: skip
def test_damage_is_noticed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a"
    write(path, CONTENT)
    whole = (path / name).read_bytes()
    for size in {0, 1, len(whole) // 2, len(whole) - 3}:
        (path / name).write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"damaged|cannot be read") as caught:
            Corpus.open(path)
        assert "\n" not in str(caught.value)
    (path / name).unlink()
    with pytest.raises(UserError, match=r"damaged|no corpus"):
        Corpus.open(path)


def test_columns_of_another_corpus_are_noticed(tmp_path: Path) -> None:
    write(tmp_path / "a", CONTENT)
    write(tmp_path / "b", [*CONTENT, ("k3", ["f", "g"], 0, None)])
    for name in ("events.npy", "offsets.npy", "labels.npy", "messages.jsonl", "keys.jsonl"):
        shutil.copytree(tmp_path / "a", tmp_path / name)
        shutil.copy(tmp_path / "b" / name, tmp_path / name / name)
        with pytest.raises(UserError, match="do not fit together"):
            Corpus.open(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "is not that of a metalog corpus"),
        ("{}", "is not that of a metalog corpus"),
        ('{"kind": "metalog-bundle", "schema": 1}', "is not that of a metalog corpus"),
        ('{"kind": "metalog-corpus", "schema": 2}', "install a newer metalog"),
        ('{"kind": "metalog-corpus", "schema": 1}', "damaged"),
    ],
)
def test_a_description_of_something_else(tmp_path: Path, content: str, message: str) -> None:
    write(tmp_path / "a", CONTENT)
    (tmp_path / "a" / "corpus.json").write_text(content)
    with pytest.raises(UserError, match=message):
        Corpus.open(tmp_path / "a")


def test_what_is_no_corpus(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="metalog-train prepare"):
            Corpus.open(path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError):
        Corpus.open(tmp_path / "file")


def test_no_pickle_is_ever_read(tmp_path: Path) -> None:
    write(tmp_path / "a", CONTENT)
    np.save(tmp_path / "a" / "labels.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="damaged"):
        Corpus.open(tmp_path / "a")
    for file in (tmp_path / "a").iterdir():
        if file.suffix == ".json":
            json.loads(file.read_text())
