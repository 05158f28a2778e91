"""What a running agent serves, and to whom."""

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.metrics.address import Address, parse_address
from agent.metrics.families import FAMILIES
from agent.metrics.server import MOST_CONNECTIONS
from models.errors import UserError
from tests.agent.conftest import make_bundle
from tests.agent.metrics.agents import agent, ask, samples
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.running import append, until
from tests.agent.test_watch import run


@pytest.fixture
def place(bundle_path: Path, tmp_path: Path) -> list[object]:
    """Arguments of an agent that follows ``logs``."""
    (tmp_path / "logs").mkdir()
    return [
        tmp_path / "logs", "--bundle", bundle_path, "--state-dir", tmp_path / "state",
        "--threshold", 0, "--no-grouping", "--end-regex", "lost|shipped",
    ]  # fmt: skip


def test_everything_that_is_promised_is_there_and_right(
    place: list[object], tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "app.log"
    with agent(*place) as one:
        one.becomes("/readyz", 200)
        append(log, [*session(1, *ODD), *session(2, *NORMAL), *session(3, "opened")])
        ended = ("metalog_agent_sessions_scored_total", "verdict=anomalous")
        until(lambda: one.metrics().get(ended) == 2)
        page = one.get("/metrics").body
        one.end()
    found = samples(page)
    source = f"source={log}"
    assert found["metalog_agent_lines_read_total", source] == 8
    assert found["metalog_agent_bytes_read_total", source] == log.stat().st_size
    assert found["metalog_agent_read_lag_bytes", source] == 0
    assert found["metalog_agent_files_open",] == 1
    assert found["metalog_agent_files_unreadable",] == 0
    assert found["metalog_agent_sessions_open",] == 1
    assert found["metalog_agent_sessions_scored_total", "verdict=normal"] == 0
    assert found["metalog_agent_score_seconds_count",] >= 1
    assert found["metalog_agent_score_seconds_sum",] > 0
    assert (
        found["metalog_agent_score_seconds_bucket", "le=+Inf"]
        == found["metalog_agent_score_seconds_count",]
    )
    met = found["metalog_agent_unknown_templates_total",]
    assert met > 0
    assert found["metalog_agent_templates",] == 3 + met
    assert found["metalog_agent_alerts_raised_total",] == 2
    for outcome in ("delivered", "failed", "dropped"):
        assert ("metalog_agent_alerts_total", f"outcome={outcome}", "sink=stdout") in found
    assert 0 <= found["metalog_agent_checkpoint_age_seconds",] < 60
    assert found["process_resident_memory_bytes",] > 2**20
    [build] = [labels for name, *labels in found if name == "metalog_agent_build_info"]
    assert [label.split("=")[0] for label in build] == ["python", "version"]
    served = set(re.findall(r"^# TYPE (metalog_agent_\S+)", page, re.MULTILINE))
    assert served == {family.name for family in FAMILIES}


def test_prometheus_may_ask_for_openmetrics(place: list[object]) -> None:
    with agent(*place) as one:
        answer = one.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert answer.body.endswith("# EOF\n")
        assert one.get("/metrics").headers["Content-Type"].startswith("text/plain; version=")


def test_names_of_files_are_labels_whatever_they_are(place: list[object], tmp_path: Path) -> None:
    names = [b'quote"back\\slash.log', b"new\nline.log", b"no\xffutf8.log", "ü{}.log".encode()]
    for name in names:
        Path(os.fsdecode(bytes(tmp_path / "logs") + b"/" + name)).write_bytes(b"order 1 opened\n")
    with agent(*place, "--from-beginning") as one:
        until(lambda: "utf8" in one.get("/metrics").body)
        found = one.metrics()
    read = {labels[0] for name, *labels in found if name == "metalog_agent_lines_read_total"}
    folder = f"source={tmp_path}/logs/"
    assert read == {
        f'{folder}quote"back\\slash.log', f"{folder}new\nline.log", f"{folder}no\\udcffutf8.log",
        f"{folder}ü{{}}.log",
    }  # fmt: skip


def test_many_sources_are_not_many_series(place: list[object], tmp_path: Path) -> None:
    for number in range(230):
        append(tmp_path / "logs" / f"{number}.log", ["order 1 opened"])
    with agent(*place, "--from-beginning") as one:
        name = "metalog_agent_lines_read_total"
        until(lambda: one.metrics().get((name, "source=other")) == 30)
        found = [key for key in one.metrics() if key[0] == name]
    assert len(found) == 201


def test_several_inputs_are_told_apart(tmp_path: Path) -> None:
    make_bundle(tmp_path / "bundle")
    file = tmp_path / "agent.toml"
    file.write_text(
        "state_dir = 'state'\nbundle = 'bundle'\nfrom_beginning = true\n"
        "[inputs.shop]\npaths = ['shop.log']\n[inputs.web]\npaths = ['web.log']\n"
    )
    append(tmp_path / "shop.log", session(1, *NORMAL))
    append(tmp_path / "web.log", session(1, *ODD))
    with agent("--config", file) as one:
        lines = "metalog_agent_lines_read_total"
        key = (lines, "input=shop", f"source={tmp_path / 'shop.log'}")
        until(lambda: one.metrics().get(key) == 3)
        found = one.metrics()
    assert found[lines, "input=web", f"source={tmp_path / 'web.log'}"] == 4
    assert found["metalog_agent_ready", "input=web"] == 1
    own = {name for name, *labels in found if not any("input=" in label for label in labels)}
    assert {name for name in own if name.startswith("metalog")} == {"metalog_agent_build_info"}


def test_only_get_and_head_and_only_what_is_there(place: list[object]) -> None:
    with agent(*place) as one:
        assert one.get("/nothing").status == 404
        assert one.get("/").body == "/metrics\n/livez\n/readyz\n"
        head = one.get("/livez", "HEAD")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, "", "3")
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            refused = one.get("/metrics", method)
            assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
        assert one.get("/livez?verbose=1").status == 200
        assert "Python" not in head.headers["Server"]


def test_requests_that_are_none_do_not_end_it(place: list[object]) -> None:
    with agent(*place) as one:
        host, _, port = one.address.rpartition(":")
        for sent in (
            b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"\r\n\r\n", b"GET\r\n\r\n", b"",
            b"GET /livez HTTP/1.1\r\n" + b"x: " + b"y" * 100_000 + b"\r\n\r\n",
            b"GET /livez HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        ):  # fmt: skip
            with socket.create_connection((host, int(port)), timeout=30) as client:
                try:
                    client.sendall(sent)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(4096):
                        pass
                except OSError as error:
                    # The agent has hung up.
                    assert isinstance(error, ConnectionError) or error.errno == errno.ENOTCONN
        assert one.get("/livez").status == 200
        one.wait_for("following")
        assert "Traceback" not in one.end()


def test_those_who_say_nothing_are_shut_out_after_a_while(place: list[object]) -> None:
    with agent(*place) as one, ExitStack() as held:
        host, _, port = one.address.rpartition(":")
        silent = [
            held.enter_context(socket.create_connection((host, int(port)), timeout=60))
            for _ in range(MOST_CONNECTIONS)
        ]
        with socket.create_connection((host, int(port)), timeout=60) as late:
            assert late.recv(1) == b"", "there is no place for it"
        for client in silent:
            assert client.recv(1) == b""
        until(lambda: one.get("/livez").status == 200)


def test_a_port_in_use_is_a_warning(place: list[object], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with agent(*place, "--metrics-address", address, where="") as one:
            said = one.wait_for("no metrics there")
            assert said == (
                f"metalog-agent: {address}: no metrics there: Address already in use; the agent "
                "goes on without, SIGHUP tries again\n"
            )
            one.wait_for("following")
            append(tmp_path / "logs" / "app.log", session(1, *ODD))
            one.wait_for("opened")
            assert "no metrics" not in one.end()


def test_ipv6(place: list[object]) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with agent(*place, where="[::1]:0") as one:
        assert one.address.startswith("[::1]:")
        assert one.get("/livez").status == 200


def test_a_reload_moves_it_turns_it_off_and_on(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("METALOG_METRICS_ADDRESS")
    file = tmp_path / "agent.toml"

    def configure(address: str) -> None:
        file.with_suffix(".new").write_text(
            f"state_dir = 'state'\nbundle = '{bundle_path}'\nmetrics_address = '{address}'\n"
            "[inputs.shop]\npaths = ['shop.log']\n"
        )
        file.with_suffix(".new").rename(file)

    configure("127.0.0.1:0")
    with agent("--config", file, where="") as one:

        def reload(address: str) -> None:
            configure(address)
            one.process.send_signal(signal.SIGHUP)

        one.find()
        first = one.address
        one.wait_for("following")
        reload("localhost:0")
        one.find()
        one.wait_for("was reloaded")
        one.becomes("/readyz", 200)
        with pytest.raises(OSError, match="refused"):
            ask(first, "/livez")
        reload("nonsense")
        assert "metrics_address 'nonsense': expected HOST:PORT" in one.wait_for("not reloaded")
        assert one.get("/livez").status == 200
        reload("off")
        one.wait_for("was reloaded")
        with pytest.raises(OSError, match="refused"):
            one.get("/livez")
        reload("127.0.0.1:0")
        one.find()
        until(lambda: ("metalog_agent_ready", "input=shop") in one.metrics())
        one.end()


def test_a_run_that_ends_by_itself_serves_only_when_told_to(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path / "app.log", session(1, *NORMAL))
    monkeypatch.setenv("METALOG_METRICS_ADDRESS", "127.0.0.1:0")
    arguments = ("watch", tmp_path / "app.log", "--once", "--bundle", bundle_path)
    assert b"metrics on" not in run(*arguments).stderr
    assert b"metrics on" in run(*arguments, "--metrics-address", "127.0.0.1:0").stderr


@pytest.mark.parametrize(
    ("address", "unwanted"),
    [
        ("off", ["prometheus_client", "http.server", "agent.metrics.server"]),
        ("127.0.0.1:0", ["prometheus_client", "agent.metrics.collector"]),
    ],
)
def test_what_nobody_asks_for_is_not_loaded(
    bundle_path: Path, tmp_path: Path, address: str, unwanted: list[str]
) -> None:
    append(tmp_path / "app.log", session(1, *NORMAL))
    arguments = ["watch", str(tmp_path / "app.log"), "--once", "--bundle", str(bundle_path)]
    arguments += ["--metrics-address", address]
    code = f"""
        import atexit, sys
        unwanted = {{*{unwanted!r}}}
        atexit.register(lambda: print(sorted(unwanted & set(sys.modules))))
        sys.argv = ["metalog-agent", *{arguments!r}]
        from agent.cli import main
        main()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, timeout=60, text=True
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9464", Address("127.0.0.1", 9464)), ("[::1]:1", Address("::1", 1)),
        ("metrics.example:65535", Address("metrics.example", 65535)),
        (" localhost:0 ", Address("localhost", 0)), ("off", None), ("OFF", None),
    ],
)  # fmt: skip
def test_addresses(text: str, address: Address | None) -> None:
    assert parse_address(text) == address
    assert address is None or parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["9464", ":9464", "::1:9464", "host", "host:", "host:x", "host:65536", "[]:1", ""]
)
def test_what_is_no_address_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(UserError, match=r"--metrics-address .* such as 127\.0\.0\.1:9464"):
        parse_address(text)
