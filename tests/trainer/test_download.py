"""Downloads from a server on this machine that behaves as badly as real ones do."""

import hashlib
import io
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from models.errors import UserError
from trainer.corpus import Corpus
from trainer.datasets import fetching, loghub
from trainer.datasets.catalogue import DATASETS, Dataset
from trainer.datasets.fetching import RemoteFile, fetch
from trainer.datasets.unpacking import unpack

TRAIN = Path(sys.executable).with_name("metalog-train")
CONTENT = random.Random(0).randbytes(300_000)


class Server(ThreadingHTTPServer):
    """content: by path. cuts: bytes after which a reply breaks off, one entry a reply, then none.
    statuses: the same, of refusals. ranges: whether it knows them. asked: ranges of all requests.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content: dict[str, bytes] = {"/file": CONTENT}
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.ranges = True
        self.pause = 0.0
        self.asked: list[str | None] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients of these tests go away in the middle of a reply."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append(asked)
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        content = server.content.get(self.path)
        if content is None:
            self.send_error(404)
            return
        begin = 0
        if asked is not None and server.ranges:
            begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
            if begin >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            span = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", span)
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        rest = content[begin:]
        if server.cuts:
            rest = rest[: server.cuts.pop(0)]
        for start in range(0, len(rest), 1 << 16):
            self.wfile.write(rest[start : start + (1 << 16)])
            time.sleep(server.pause)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def remote(server: Server, content: bytes = CONTENT, path: str = "/file") -> RemoteFile:
    return RemoteFile(server.url + path, len(content), hashlib.md5(content).hexdigest())


def got(file: RemoteFile, path: Path) -> list[str]:
    """Fetch without waiting; what was noted."""
    notes: list[str] = []
    fetch(file, path, lambda done: None, notes.append, pause=0)
    return notes


def test_it_goes_on_where_the_connection_broke(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000, 0, 50_000]
    notes = got(remote(server), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=100000-", "bytes=150000-"]
    assert len(notes) == 3
    assert "trying again at 100,000 of 300,000 bytes" in notes[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_next_command_goes_on_where_the_last_one_gave_up(
    server: Server, tmp_path: Path
) -> None:
    server.cuts = [70_000, *[0] * 10]
    with pytest.raises(UserError, match=r"the same command goes on at 70,000 of 300,000 bytes"):
        got(remote(server), tmp_path / "file")
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:70_000]
    server.cuts = []
    server.asked = []
    assert got(remote(server), tmp_path / "file") == []
    assert server.asked == ["bytes=70000-"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_begins_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "file.part").write_bytes(b"something else")
    got(remote(server), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    notes = got(remote(server), tmp_path / "file")
    assert ["HTTP 503" in notes[0], "HTTP 429" in notes[1]] == [True, True]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_wrong_checksum_is_said_and_removed(server: Server, tmp_path: Path) -> None:
    server.content["/file"] = CONTENT[:-1] + b"x"
    with pytest.raises(UserError, match=r"checksum md5 \w+, expected \w+ .* was removed"):
        got(remote(server), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    # What was here before was of another file: the whole is wrong, though its end is right.
    server.content["/file"] = CONTENT
    (tmp_path / "file.part").write_bytes(b"something else")
    with pytest.raises(UserError, match="checksum"):
        got(remote(server), tmp_path / "file")
    got(remote(server), tmp_path / "file")


@pytest.mark.parametrize("here", [0, 10, 400_000])
def test_another_file_is_refused_at_once(server: Server, tmp_path: Path, here: int) -> None:
    server.content["/file"] = CONTENT[:200_000]
    if here:
        (tmp_path / "file.part").write_bytes(bytes(here))
    expected = "checksum" if here > len(CONTENT) else "has 200,000 bytes, 300,000 were expected"
    with pytest.raises(UserError, match=expected):
        got(remote(server), tmp_path / "file")
    assert len(server.asked) <= 1


def test_what_is_not_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="/absent: HTTP 404 Not Found; give another place"):
        got(remote(server, path="/absent"), tmp_path / "file")
    with pytest.raises(UserError, match="give a URL with --from"):
        got(RemoteFile("zenodo/file", 1, ""), tmp_path / "file")
    server.shutdown()
    server.server_close()
    with pytest.raises(UserError, match="refused; the same command goes on at 0 of 300,000 bytes"):
        got(remote(server), tmp_path / "file")


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"file\.part: the disk is full; make room"):
        got(remote(server), tmp_path / "file")
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        got(remote(server), tmp_path / "taken" / "file")


def test_encryption_is_not_given_up_on_the_way() -> None:
    file = RemoteFile("https://example.org/file", 1, "")
    reply = httpx.Response(200, request=httpx.Request("GET", "http://example.org/file"))
    with pytest.raises(UserError, match="is not encrypted"):
        fetching._check_reply(file, reply, 0)


def zipped(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(members: dict[str, bytes], link: tuple[str, str] | None = None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link is not None:
            member = tarfile.TarInfo(link[0])
            member.type, member.linkname = tarfile.SYMTYPE, link[1]
            archive.addfile(member)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", zipped({"../evil": b"x"}), "leaves the folder"),
        ("a.zip", zipped({"/evil": b"x"}), "leaves the folder"),
        ("a.zip", zipped({"a/..\\..\\evil": b"x"}), "leaves the folder"),
        ("a.zip", b"rubbish", "damaged"),
        ("a.tar.gz", tarred({"../evil": b"x"}), "outside"),
        ("a.tar.gz", tarred({}, ("here", "/etc/passwd")), "absolute"),
        ("a.tar.gz", tarred({}, ("here", "there")), "no plain file"),
        ("a.tar.gz", b"rubbish", "damaged"),
        ("a.tar.gz", tarred({"log": CONTENT})[:-1000], "damaged"),
    ],
)
def test_archives_reach_nothing_but_their_folder(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=message):
        unpack(tmp_path / name, tmp_path / "folder", lambda done, total: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "folder"])


HDFS = "".join(
    f"081109 20351{i % 10} 148 INFO dfs.DataNode$PacketResponder: Received block blk_{i // 2}\n"
    for i in range(20)
)
ARCHIVES = {
    "hdfs": (
        "HDFS_v1.zip",
        zipped(
            {
                "HDFS.log": HDFS.encode(),
                "preprocessed/anomaly_label.csv": b"BlockId,Label\nblk_1,Anomaly\nblk_2,Normal\n",
            }
        ),
        "HDFS.log",
    ),
    "openstack": (
        "OpenStack.tar.gz",
        tarred({f"openstack_{name}.log": b"line\n" for name in ("normal1", "abnormal")}),
        "openstack_*.log",
    ),
}


@pytest.fixture
def small(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """loghub with small archives."""
    for name, (archive, content, logs) in ARCHIVES.items():
        known = DATASETS[name]
        monkeypatch.setitem(
            DATASETS,
            name,
            Dataset(
                archive, len(content), hashlib.md5(content).hexdigest(), logs, 1000, known.labels,
                known.caution,
            ),
        )  # fmt: skip
        server.content[f"/{archive}"] = content
    return server


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    from trainer.cli import main

    umask = os.umask(0)
    os.umask(umask)
    monkeypatch.setattr(sys, "argv", ["metalog-train", *map(str, arguments)])
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        os.umask(umask)
    return int(ended.value.code or 0)


def test_the_command_it_names_makes_a_corpus(
    small: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_main(monkeypatch, "download", "hdfs", "--from", f"{small.url}/") == 0
    said = capfd.readouterr().err.splitlines()
    assert "free for research" in said[0]
    assert said[-1].startswith("next: metalog-train prepare loghub/hdfs/HDFS.log --format hdfs")
    assert [path.name for path in (tmp_path / "loghub").iterdir()] == ["hdfs"]
    assert run_main(monkeypatch, *shlex.split(said[-1])[2:]) == 0
    corpus = Corpus.open(tmp_path / "hdfs-corpus")
    assert (corpus.counts["sessions"], corpus.counts["anomalous"]) == (10, 1)
    # A second time nothing is asked for.
    asked = len(small.asked)
    capfd.readouterr()
    assert run_main(monkeypatch, "download", "hdfs") == 0
    assert "is there already" in capfd.readouterr().err
    assert len(small.asked) == asked


def test_several_logs_and_what_they_cannot_be_used_for(
    small: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("METALOG_DOWNLOAD_URL", small.url)
    assert run_main(monkeypatch, "download", "openstack", "-o", tmp_path / "my logs") == 0
    said = capfd.readouterr().err
    assert "note: its labels cannot be evaluated on" in said
    assert f"'{tmp_path}/my logs/openstack/openstack_abnormal.log'" in said
    assert f"'{tmp_path}/my logs/openstack/openstack_normal1.log'" in said


def test_an_archive_that_was_fetched_is_checked_and_unpacked(small: Server, tmp_path: Path) -> None:
    archive, content, _ = ARCHIVES["hdfs"]
    (tmp_path / archive).write_bytes(content)
    assert loghub.download("hdfs", tmp_path, small.url).fresh
    assert small.asked == []
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / archive).write_bytes(content[:-1])
    with pytest.raises(UserError, match="checksum"):
        loghub.download("hdfs", tmp_path / "other", small.url)


def test_one_line_for_what_cannot_be(
    small: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("METALOG_DOWNLOAD_URL", small.url)
    assert run_main(monkeypatch, "download", "linux", "-o", tmp_path) == 2
    assert "download linux: not known; one of hdfs, bgl" in capfd.readouterr().err
    huge = Dataset("BGL.zip", 1, "", "BGL.log", unpacked=1 << 60)
    monkeypatch.setitem(DATASETS, "bgl", huge)
    assert run_main(monkeypatch, "download", "bgl", "-o", tmp_path / "a" / "b") == 2
    assert "GB are needed" in capfd.readouterr().err
    small.content["/HDFS_v1.zip"] = b"<html>"
    assert run_main(monkeypatch, "download", "hdfs", "-o", tmp_path) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "has 6 bytes" in said
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_what_has_come(server: Server, tmp_path: Path) -> None:
    """The program itself, against a slow server with as many bytes as the real archive has."""
    size = DATASETS["openstack"].size
    server.content["/OpenStack.tar.gz"] = bytes(size)
    server.pause = 0.02
    command = [str(TRAIN), "download", "openstack", "-o", str(tmp_path), "--from", server.url]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    part = tmp_path / "OpenStack.tar.gz.part"
    while process.poll() is None and not fetching.length_of(part):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "stopped; the same command goes on from here\n")
    came = fetching.length_of(part)
    assert 0 < came < size
    server.pause = 0
    again = subprocess.run(command, capture_output=True, text=True)
    assert server.asked == [None, f"bytes={came}-"]
    assert again.returncode == 2
    assert "checksum md5" in again.stderr
    assert list(tmp_path.iterdir()) == []
