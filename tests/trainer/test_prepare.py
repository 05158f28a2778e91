"""From raw logs of every format to a corpus, on files that the tests write."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from models.errors import UserError
from models.session_rule import SessionRule
from trainer.corpus import Corpus
from trainer.datasets.prepare import PrepareOptions, prepare, size_of


def write(path: Path, lines: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def corpus_of(tmp_path: Path, logs: Path | Sequence[Path], form: str, **options: Any) -> Corpus:
    paths = (logs,) if isinstance(logs, Path) else tuple(logs)
    prepare(PrepareOptions(logs=paths, format=form, output=tmp_path / "corpus", **options))
    return Corpus.open(tmp_path / "corpus")


def sessions_of(corpus: Corpus) -> dict[str, list[str]]:
    return {
        key: [corpus.messages[i] for i in corpus.session(index)]
        for index, key in enumerate(corpus.keys)
    }


def labels_of(corpus: Corpus) -> dict[str, int]:
    return dict(zip(corpus.keys, corpus.labels.tolist(), strict=True))


HDFS = [
    "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1 src: /10.0.0.1:5",
    "081109 203519 35 INFO dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: /a/b/part-1. blk_2",
    "081109 203520 35 INFO dfs.FSNamesystem: ask 10.0.0.1 to delete blk_-1 blk_2",
    "081109 203521 35 INFO dfs.DataNode: Starting thread",
    "",
    "081109 203525 36 WARN dfs.DataNode: got exception while serving blk_2",
]


def test_hdfs_with_its_label_file(tmp_path: Path) -> None:
    log = write(tmp_path / "HDFS.log", HDFS)
    labels = write(tmp_path / "labels.csv", ["BlockId,Label", "blk_-1,Normal", "blk_2,Anomaly"])
    seen: list[int] = []
    options = PrepareOptions(
        logs=(log,), format="hdfs", output=tmp_path / "corpus", labels=labels, name="my hdfs"
    )
    counts = prepare(options, seen.append)
    corpus = Corpus.open(tmp_path / "corpus")
    assert sessions_of(corpus) == {
        "blk_-1": [
            "Receiving block <KEY> src: <IP>",
            "ask <IP> to delete <KEY> <KEY>",
        ],
        "blk_2": [
            "BLOCK* NameSystem.allocateBlock: <PATH> <KEY>",
            "ask <IP> to delete <KEY> <KEY>",
            "got exception while serving <KEY>",
        ],
    }
    assert labels_of(corpus) == {"blk_-1": 0, "blk_2": 1}
    assert corpus.times.tolist() == [1226262918.0, 1226262919.0]
    assert counts == corpus.counts
    assert (counts["lines"], counts["lines_without_session"], counts["lines_of_odd_format"]) == (
        6, 1, 0,
    )  # fmt: skip
    assert corpus.name == "my hdfs"
    assert [one["name"] for one in corpus.origin.inputs] == ["HDFS.log", "labels.csv"]
    assert seen[-1] == log.stat().st_size == size_of(options)


def test_a_gzipped_log_gives_the_same_sessions(tmp_path: Path) -> None:
    plain = corpus_of(tmp_path / "a", write(tmp_path / "HDFS.log", HDFS), "hdfs")
    packed = corpus_of(tmp_path / "b", write(tmp_path / "HDFS.log.gz", HDFS), "hdfs")
    assert packed.fingerprint == plain.fingerprint
    assert labels_of(packed) == {"blk_-1": -1, "blk_2": -1}


def bgl(node: str, second: int, text: str, label: str = "-") -> str:
    return (
        f"{label} {1117838570 + second} 2005.06.03 {node} 2005-06-03-15.42.50.363779 {node} "
        f"RAS KERNEL INFO {text}"
    )


def test_bgl_has_labels_per_line_and_windows_per_node(tmp_path: Path) -> None:
    lines = [bgl(f"R0{i % 2}", i, f"word{'x' * (i % 3)} parity error") for i in range(500)]
    lines[241] = bgl("R01", 241, "data TLB error", "KERNDTLB")
    corpus = corpus_of(tmp_path, write(tmp_path / "BGL.log", lines), "bgl")
    assert corpus.origin.rule == SessionRule(window=120)
    lengths = {key: len(session) for key, session in sessions_of(corpus).items()}
    assert lengths == {
        "R00#0": 120, "R01#0": 120, "R00#1": 120, "R01#1": 120, "R00#2": 10, "R01#2": 10,
    }  # fmt: skip
    # Line 241 is the 121st of its node.
    assert [key for key, label in labels_of(corpus).items() if label] == ["R01#1"]


def test_thunderbird_with_windows_of_another_size(tmp_path: Path) -> None:
    lines = [
        f"- {1131566461 + i} 2005.11.09 dn{i % 3} Nov 9 12:01:01 dn{i % 3}/dn{i % 3} crond: run {i}"
        for i in range(9)
    ]
    lines[4] = lines[4].replace("- ", "VAPI ", 1)
    log = write(tmp_path / "tb.log", lines)
    corpus = corpus_of(tmp_path, log, "thunderbird", window=2, stride=1)
    assert labels_of(corpus) == {
        "dn0#0": 0, "dn0#1": 0, "dn1#0": 1, "dn1#1": 1, "dn2#0": 0, "dn2#1": 0,
    }  # fmt: skip
    assert set(corpus.messages) == {"crond: run <NUM>"}


ONE, TWO = "544fd51c-4edc-4780-baae-ba1d80a0acfc", "ae651dff-c7ad-43d6-ac96-bbcd820ccca8"


def test_openstack_of_several_files_with_a_list_of_anomalies(tmp_path: Path) -> None:
    compute = write(
        tmp_path / "nova-compute.log",
        [
            "nova-compute.log.1 2017-05-16 00:00:04.500 2931 INFO nova.compute.manager [req-3ea "
            f"- - -] [instance: {ONE}] VM Started (Lifecycle Event)",
            f" INFO nova.virt.libvirt.driver [-] [instance: {TWO}] Creating image",
            f"WARNING nova.virt [-] No disk at /opt/stack/data/nova/instances/{TWO}/disk",
        ],
    )
    api = write(
        tmp_path / "nova-api.log",
        [
            "nova-api.log.1 2017-05-16 00:00:10.296 25746 INFO nova.osapi_compute.wsgi.server "
            f'[req-1 - - -] 10.11.10.1 "GET /v2/54fa/servers/{ONE} HTTP/1.1" status: 200',
            "nova-api.log.1 2017-05-16 00:00:11.000 25746 INFO nova.osapi [-] nothing of interest",
        ],
    )
    labels = write(tmp_path / "anomaly_labels.txt", [ONE])
    corpus = corpus_of(tmp_path, [compute, api], "openstack", labels=labels)
    assert {key: len(session) for key, session in sessions_of(corpus).items()} == {ONE: 2, TWO: 2}
    assert labels_of(corpus) == {ONE: 1, TWO: 0}
    assert "[instance: <KEY>] VM Started (Lifecycle Event)" in corpus.messages


def test_syslog_by_key_and_by_time(tmp_path: Path) -> None:
    log = write(
        tmp_path / "messages",
        [
            "Jan  5 03:04:05 combo sshd[1]: session 7 opened",
            "Jan  5 03:04:55 combo sshd[1]: session 8 opened",
            "Jan  5 03:06:05 combo sshd[2]: session 7 closed",
        ],
    )
    by_key = corpus_of(tmp_path / "a", log, "syslog", key_regex=r"session (\d+)")
    assert sessions_of(by_key) == {
        "8": ["sshd[<NUM>]: session <KEY> opened"],
        "7": ["sshd[<NUM>]: session <KEY> opened", "sshd[<NUM>]: session <KEY> closed"],
    }
    by_time = corpus_of(tmp_path / "b", log, "syslog", seconds=60)
    assert [len(session) for session in sessions_of(by_time).values()] == [2, 1]
    idle = corpus_of(tmp_path / "c", log, "syslog", key_regex=r"session (\d+)", idle=60)
    assert list(idle.keys) == ["7", "8", "7"]


def test_json_lines_with_labels_in_all_spellings(tmp_path: Path) -> None:
    said = ["normal", "NORMAL", False, "false", 0, "0", "-", "", None]
    anomalous = ["anomaly", True, "true", 1, "1", "disk-alert"]
    lines = [json.dumps({"message": "hello", "label": label}) for label in [*said[:-1], *anomalous]]
    lines.append(json.dumps({"message": "hello"}))
    log = write(tmp_path / "app.jsonl", lines)
    corpus = corpus_of(tmp_path, log, "jsonl", window=1)
    expected = [0] * (len(said) - 1) + [1] * len(anomalous) + [0]
    assert corpus.labels.tolist() == expected


def test_json_lines_with_half_an_emoji(tmp_path: Path) -> None:
    log = write(tmp_path / "app.jsonl", [r'{"message": "cut \ud83d here"}'])
    assert corpus_of(tmp_path, log, "jsonl", window=1).messages == ("cut ? here",)


def test_text_with_a_line_regex(tmp_path: Path) -> None:
    log = write(
        tmp_path / "app.log",
        ["05.01.2024 10:00|web|job 7 done", "05.01.2024 10:01|db|job 7 stored", "what? job 8"],
    )
    corpus = corpus_of(
        tmp_path, log, "text",
        line_regex=r"(?P<time>[^|]+)\|(?P<source>\w+)\|(?P<content>.*)",
        time_format="%d.%m.%Y %H:%M", key_regex=r"job (\d+)",
    )  # fmt: skip
    assert sessions_of(corpus) == {
        "7": ["job <KEY> done", "job <KEY> stored"], "8": ["what? job <KEY>"],
    }  # fmt: skip
    assert corpus.counts["lines_of_odd_format"] == 1


def test_sessions_that_were_parsed(tmp_path: Path) -> None:
    folder = tmp_path / "parsed"
    write(folder / "templates.csv", ["id,template", "1,<*>Served block<*>to <*>", '2,"a, b"'])
    lines = [
        {"id": "s1", "label": 0, "events": ["1", "2", "1"]},
        {"id": "s2", "label": 1, "events": ["2"]},
        {"id": "s3", "events": [2]},
    ]
    write(folder / "sessions.jsonl.gz", [json.dumps(line) for line in lines])
    corpus = corpus_of(tmp_path, folder, "sessions")
    served = "<*> Served block <*> to <*>"
    assert sessions_of(corpus) == {"s1": [served, "a, b", served], "s2": ["a, b"], "s3": ["a, b"]}
    assert labels_of(corpus) == {"s1": 0, "s2": 1, "s3": -1}
    assert corpus.origin.parsed


def test_sessions_of_raw_messages(tmp_path: Path) -> None:
    path = write(
        tmp_path / "sessions.jsonl",
        [json.dumps({"id": "s1", "label": "Anomaly", "events": ["took 3 ms", "took 4 ms"]})],
    )
    corpus = corpus_of(tmp_path, path, "sessions")
    assert sessions_of(corpus) == {"s1": ["took <NUM> ms"] * 2}
    assert labels_of(corpus) == {"s1": 1}
    assert not corpus.origin.parsed


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no json", "line 2: no session"),
        ("[" * 50_000, "line 2: no session"),
        ('{"id": "a"}', "line 2: no session"),
        ('{"id": "a", "label": 7, "events": ["1"]}', "line 2: no session"),
        ('{"id": "a", "label": 1, "events": []}', "line 2: a session without events"),
        ('{"id": "a", "label": 1, "events": "1"}', "line 2: a session without events"),
        ('{"id": "a", "label": 1, "events": ["9"]}', "line 2: event '9' is no row"),
    ],
)
def test_sessions_that_are_none(tmp_path: Path, line: str, message: str) -> None:
    write(tmp_path / "in" / "templates.csv", ["id,template", "1,x"])
    write(tmp_path / "in" / "sessions.jsonl", ['{"id": "s", "label": 0, "events": ["1"]}', line])
    with pytest.raises(UserError, match=message):
        corpus_of(tmp_path, tmp_path / "in", "sessions")
    assert {path.name for path in tmp_path.iterdir()} == {"in"}


@pytest.mark.parametrize("rows", [["key,text", "1,x"], ["id,template", "1"], [""]])
def test_a_template_table_that_is_none(tmp_path: Path, rows: list[str]) -> None:
    write(tmp_path / "in" / "templates.csv", rows)
    write(tmp_path / "in" / "sessions.jsonl", ['{"id": "s", "label": 0, "events": ["1"]}'])
    with pytest.raises(UserError, match=r"templates\.csv"):
        corpus_of(tmp_path, tmp_path / "in", "sessions")


LABELS = "blk_-1,Normal\nblk_2,Anomaly\n"


@pytest.mark.parametrize(
    ("log", "labels", "options", "message"),
    [
        (None, LABELS, {}, "no such file"),
        (b"", LABELS, {}, "is empty"),
        (b"\0\1\2", LABELS, {}, "is binary"),
        (b"\x1f\x8b\x08damaged", LABELS, {}, "damaged gzip"),
        (b"a line without any key\n", LABELS, {}, "none of 1 lines belongs to a session"),
        (b"\n\n", LABELS, {}, "none of 2 lines belongs to a session"),
        (b"... blk_7 ...\n", LABELS, {}, "none of its 2 sessions"),
        (b"... blk_7 ...\n", None, {}, r"labels\.csv: no such file"),
        (b"... blk_7 ...\n", "a,b\nc,d\n", {}, "line 2: label 'd'"),
        (b"blk_2\n", LABELS, {"format": "ini"}, "--format ini: not known"),
        (b"blk_2\n", LABELS, {"format": "syslog"}, "say what makes a session"),
        (b"blk_2\n", LABELS, {"key_regex": "("}, "no regular expression"),
        (b"blk_2\n", LABELS, {"key_regex": "a", "window": 3}, "exactly one of"),
        (b"blk_2\n", LABELS, {"key_regex": "blk"}, "exactly one group"),
        (b"blk_2\n", LABELS, {"window": -3}, "larger than 0"),
        (b"blk_2\n", LABELS, {"line_regex": "(?P<content>.*)"}, "goes with --format text"),
        (b"blk_2\n", LABELS, {"time_format": "iso"}, "goes with --line-regex"),
        (b"blk_2\n", LABELS, {"format": "text", "line_regex": "("}, "no regular expression"),
        (b"blk_2\n", LABELS, {"format": "text", "line_regex": "x"}, "group 'content'"),
        (b"blk_2\n", LABELS, {"format": "sessions"}, "leave --labels out"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, log: bytes | None, labels: str | None, options: dict[str, Any], message: str
) -> None:
    if log is not None:
        (tmp_path / "app.log").write_bytes(log)
    if labels is not None:
        (tmp_path / "labels.csv").write_text(labels)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match=message) as caught:
        corpus_of(
            tmp_path, tmp_path / "app.log", **{"form": "hdfs", **_form(options)},
            labels=tmp_path / "labels.csv",
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == before


def _form(options: dict[str, Any]) -> dict[str, Any]:
    return {("form" if name == "format" else name): value for name, value in options.items()}


def test_a_taken_folder_is_refused_before_the_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="not empty"):
        corpus_of(tmp_path, tmp_path / "no-such.log", "hdfs")
    log = write(tmp_path / "HDFS.log", HDFS)
    with pytest.raises(UserError, match="no corpus"):
        corpus_of(tmp_path, log, "hdfs", force=True)
    assert (tmp_path / "corpus" / "thesis.tex").read_text() == "precious"


def test_force_replaces_a_corpus_and_an_error_keeps_it(tmp_path: Path) -> None:
    log = write(tmp_path / "HDFS.log", HDFS)
    first = corpus_of(tmp_path, log, "hdfs")
    with pytest.raises(UserError, match="no such file"):
        corpus_of(tmp_path, tmp_path / "absent.log", "hdfs", force=True)
    assert Corpus.open(tmp_path / "corpus").fingerprint == first.fingerprint
    write(log, HDFS[:1])
    assert len(corpus_of(tmp_path, log, "hdfs", force=True)) == 1


def test_the_idle_time_of_a_live_session_is_learnt_from_its_pauses(tmp_path: Path) -> None:
    lines = [
        f"2024-01-01T00:{i // 2:02}:{(i % 2) * 40:02} host app: job {i // 2} step"
        for i in range(80)
    ]
    corpus = corpus_of(tmp_path, write(tmp_path / "a.log", lines), "syslog", key_regex=r"job (\d+)")
    assert corpus.origin.live_idle == pytest.approx(60.0)
    assert corpus.origin.rule.idle is None


def as_cri(line: str) -> list[str]:
    """In two parts, as a runtime splits a long one."""
    time = "2026-03-01T12:00:00.123456789Z"
    return [f"{time} stdout P {line[:30]}", f"{time} stdout F {line[30:]}"]


def as_docker(line: str) -> list[str]:
    said = {"log": f"{line}\n", "stream": "stderr", "time": "2026-03-01T12:00:00.1Z"}
    return [json.dumps(said)]


@pytest.mark.parametrize("wrap", [as_cri, as_docker])
def test_what_a_runtime_writes_around_lines_is_taken_off(
    wrap: Callable[[str], list[str]], tmp_path: Path
) -> None:
    plain = corpus_of(tmp_path / "plain", write(tmp_path / "plain.log", HDFS), "hdfs")
    lines = [part for line in HDFS for part in wrap(line)]
    wrapped = corpus_of(tmp_path / "wrapped", write(tmp_path / "wrapped.log.gz", lines), "hdfs")
    assert sessions_of(wrapped) == sessions_of(plain)
    assert wrapped.times.tolist() == plain.times.tolist()


def test_dockers_lines_stay_whole_where_json_is_read(tmp_path: Path) -> None:
    log = write(tmp_path / "app.log", as_docker("order o-1 opened") + as_docker("order o-1 paid"))
    corpus = corpus_of(tmp_path, log, "jsonl", key_regex=r"(o-\d+)")
    assert len(corpus) == 1
    assert len(corpus.session(0)) == 2
