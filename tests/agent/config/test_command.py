"""``metalog-agent config`` as a user runs it, and what is generated from the model."""

import json
import os
import stat
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

from agent.config.generated import PAGE, page_with_tables
from agent.config.schema import SCHEMA_FILE, schema, schema_text
from benchmarks import configuration
from tests.agent.orders import NORMAL, ODD, session
from tests.agent.test_watch import objects, run, write

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, with a state folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


def output(*arguments: object) -> str:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, b""), done
    return done.stdout.decode()


def refused(*arguments: object) -> str:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b""), done
    [line] = done.stderr.decode().splitlines()
    assert line.startswith("metalog-agent: ")
    return line


def test_what_init_prints_passes_check(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(output("config", "init"))
    assert output("config", "check", file) == f"{file}: inputs system; sinks stdout\n"
    jsonschema.validate(tomllib.loads(file.read_text()), schema())


def test_so_does_each_line_of_it_once_it_is_no_comment(tmp_path: Path) -> None:
    """All at once, but for what leaves something else out."""
    lines = output("config", "init").splitlines()
    instead = ("#window", "#alerts_per_day", "#url_env", "#url_file", "#secret_env", "#send_to")
    chosen = []
    for line in lines:
        is_key = line.startswith("#") and not line.startswith("# ")
        chosen.append(line[1:] if is_key and not line.startswith(instead) else line)
    text = "\n".join(chosen).replace('type = "slack"', 'type = "slack"\nurl_env = "OPS_URL"')
    file = tmp_path / "agent.toml"
    file.write_text(text)
    assert "sinks stdout, file, webhook, alertmanager, slack" in output(
        "config", "check", file, "--syntax"
    )
    jsonschema.validate(tomllib.loads(text), schema())
    assert text.count("\n[sinks.") == 5


def test_check_looks_at_what_a_file_names_unless_it_is_told_not_to(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.toml"
    text = f"bundle = '{bundle_path}'\n[inputs.shop]\npaths = ['logs']\n"
    hook = "[sinks.ops]\ntype = 'webhook'\nurl = 'https://hooks.example'\nsecret_env = 'HUSH'\n"
    for wrong, said in (
        (text.replace(str(bundle_path), "gone"), "no such bundle"),
        (text + hook, "sinks.ops.secret_env: $HUSH is not set, or empty"),
        (text + hook.replace("secret_env", "secret_file"), "HUSH: cannot be read: No such file"),
        (text + hook.replace("secret_env = 'HUSH'", "ca = 'gone.pem'"), "no certificate can be"),
        (text + "history = ['gone.gz']\n", "inputs.shop.history "),
    ):
        file.write_text(wrong)
        assert said in refused("config", "check", file)
        output("config", "check", file, "--syntax")
    file.write_text(text + hook)
    monkeypatch.setenv("HUSH", SECRET)
    assert output("config", "check", file) == f"{file}: inputs shop; sinks ops\n"
    monkeypatch.setenv("HUSH", "whsec_***")
    assert "no webhook secret of the form" in refused("config", "check", file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("treshold = 1", "treshold: there is no such key; did you mean threshold?"),
        ("warmup = 'soon'", "warmup 'soon': expected a duration such as 90s"),
        ("key_regex = '(a)(b)'", "key_regex: key regex '(a)(b)' needs exactly one group"),
        ("end_regex = '('", "end_regex: end regex '(' is no regular expression"),
        ("encoding = 'klingon'", "encoding: the encoding 'klingon' is not known"),
        ("multiline_start = '('", "multiline_start: "),
        ("mask = ['x']", "mask 'x': expected NAME=REGEX"),
        ("mask = ['A=(']", "mask: mask A: '(' is no regular expression"),
        ("repeat_interval = 0", "must be longer than 0"),
        ("idle = -1", "idle: idle must be larger than 0"),
        ("[sinks.ops]\ntype = 'webhook'", "sinks.ops: has no address; give url or url_env or"),
        ("[sinks.ops]\ntype = 'slack'\nurl_env = 'A'\nurl_file = 'b'", "leave out all but one"),
    ],
)  # fmt: skip
def test_check_refuses_what_watch_would(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "agent.toml"
    tables = "[inputs.shop]\npaths = ['logs']\n"
    file.write_text(f"{tables}{text}" if text.startswith("[") else f"{text}\n{tables}")
    for command in (["config", "check", file, "--syntax"], ["watch", "--config", file]):
        assert said in refused(*command).replace(f"{file}: inputs.shop.", "").replace(
            f"{file}: ", ""
        )


def test_show_says_where_each_value_comes_from_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.toml"
    (tmp_path / "hush").write_text("Bearer hush")
    file.write_text(
        "threshold = 0.5\n[inputs.shop]\npaths = ['logs']\nwindow = 20\n"
        "[sinks.ops]\ntype = 'webhook'\nurl = 'https://hooks.example/T0/hush'\n"
        "secret_env = 'OPS'\nheaders = { X-Team = 'hush' }\n"
        "headers_file = { Authorization = 'hush' }\n"
    )
    monkeypatch.setenv("OPS", SECRET)
    monkeypatch.setenv("METALOG_CONFIG", str(file))
    monkeypatch.setenv("METALOG_INPUTS__SHOP__IDLE", "2m")
    text = output("config", "show", "--encoding", "latin-1")
    where = dict(line.rsplit("  # ", 1) for line in text.splitlines() if "  # " in line)
    where = {line.rstrip(): origin for line, origin in where.items()}
    assert where["threshold = 0.5"] == "file, for all inputs"
    assert where["window = 20"] == "file"
    assert where['idle = "2m"'] == "$METALOG_INPUTS__SHOP__IDLE"
    assert where['encoding = "latin-1"'] == "--encoding"
    assert where['warmup = "1h"'] == "default"
    assert where["#key_regex = the bundle's rule"] == "default"
    assert where[f'state_dir = "{tmp_path}/xdg/metalog/shop"'] == "default"
    assert where['url = "https://hooks.example/..."'] == "file"
    assert where['secret_env = "OPS"'] == "file"
    assert where['headers = { X-Team = "..." }'] == "file"
    assert SECRET not in text
    assert "hush" not in text.replace(f"{tmp_path}/hush", "")
    # What it prints is a file that says the same.
    shown = tmp_path / "shown.toml"
    shown.write_text(text)
    monkeypatch.delenv("METALOG_INPUTS__SHOP__IDLE")
    again = output("config", "show", "--config", shown)
    plain = [line.rsplit("  # ", 1)[0].rstrip() for line in text.splitlines()[1:]]
    assert [line.rsplit("  # ", 1)[0].rstrip() for line in again.splitlines()[1:]] == plain


def test_the_schema_and_the_tables_of_keys_are_current() -> None:
    assert SCHEMA_FILE.read_text() == schema_text(), "run python -m agent.config.generated"
    page = PAGE.read_text(encoding="utf-8")
    assert page == page_with_tables(page), "run python -m agent.config.generated"
    assert json.loads(output("config", "schema")) == schema()
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "text",
    [
        "treshold = 1", "[inputs.shop]\n", "[inputs.shop]\npaths = []", "window = 0", "idle = []",
        "[sinks.ops]\ntype = 'x'", "[sinks.ops]\ntype = 'file'", "[inputs.'a b']\npaths = ['x']",
    ],
)  # fmt: skip
def test_the_schema_refuses_what_check_does(tmp_path: Path, text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), schema())
    file = tmp_path / "agent.toml"
    file.write_text(text)
    refused("config", "check", file, "--syntax")


def test_the_example_of_the_page_passes_check(tmp_path: Path) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("    state_dir"))
    last = next(i for i in range(first, len(lines)) if lines[i] and lines[i][0] != " ")
    file = tmp_path / "agent.toml"
    file.write_text("\n".join(line[4:] for line in lines[first:last]) + "\n")
    expected = f"{file}: inputs shop, db; sinks ops, archive\n"
    assert output("config", "check", file, "--syntax") == expected


def test_score_judges_as_an_input_is_judged(bundle_path: Path, tmp_path: Path) -> None:
    log, file = tmp_path / "app.log", tmp_path / "agent.toml"
    write(log, session(1, *NORMAL), session(2, *ODD))
    file.write_text(
        f"bundle = '{bundle_path}'\n[inputs.shop]\npaths = ['x']\nwindow = 4\nthreshold = 0\n"
    )
    shop = objects(output("score", log, "--config", file, "--input", "shop").encode())
    assert [(one["key"], one["anomalous"]) for one in shop] == [
        ("app.log#0", True), ("app.log#1", True),
    ]  # fmt: skip
    plain = objects(output("score", log, "--config", file).encode())
    assert [one["key"] for one in plain] == ["ord-1", "ord-2"]
    said = refused("score", log, "--config", file, "--input", "shp")
    assert "there is no input 'shp'; did you mean shop?" in said


def test_a_test_alert_goes_to_the_sinks_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        "[sinks.out]\ntype = 'stdout'\n[sinks.log]\ntype = 'file'\npath = 'alerts.jsonl'\n"
    )
    assert output("send-test-alert", "--config", file) == "ok      file log: written\n"
    written = tmp_path / "alerts.jsonl"
    assert stat.S_IMODE(written.stat().st_mode) == 0o640
    [alert] = objects(written.read_bytes())
    assert alert["kind"] == "test"


def test_the_benchmark_of_libraries_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setattr(sys, "argv", ["configuration", "--turns", "1"])
    configuration.main()
    rows = capsys.readouterr().out.splitlines()
    missing = {row.split()[0] for row in rows if "not installed" in row}
    assert missing <= {"pydantic", "pydantic-settings", "structlog"}
    assert rows[-1].startswith("agent.config")


def test_without_a_path_and_a_configuration_watch_says_what_to_do() -> None:
    assert "config init" in refused("watch")


def test_metrics_are_on_loopback_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("METALOG_METRICS_ADDRESS")
    shown = output("config", "show", "x", "--bundle", "y")
    assert 'metrics_address = "127.0.0.1:9464" # default' in " ".join(shown.split())


def test_logs_and_metrics_are_set_as_all_else_is(
    bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "agent.toml"
    table = f"bundle = '{bundle_path}'\n[inputs.shop]\npaths = ['x']\n"
    file.write_text(f"log_level = 'warning'\nmetrics_address = '[::1]:1'\n{table}")
    monkeypatch.setenv("METALOG_LOG_FORMAT", "json")
    monkeypatch.delenv("METALOG_METRICS_ADDRESS")
    text = output("config", "show", "--config", file, "--metrics-address", "off")
    found = [" ".join(line.split()) for line in text.splitlines()]
    assert 'log_format = "json" # $METALOG_LOG_FORMAT' in found
    assert 'log_level = "warning" # file' in found
    assert 'metrics_address = "off" # --metrics-address' in found
    for wrong, said in (
        ("log_level = 'loud'", "log_level: expected one of debug, info, warning, error"),
        ("log_format = 'xml'", "log_format: expected one of auto, text, logfmt, json"),
        ("metrics_address = '9464'", "metrics_address '9464': expected HOST:PORT such as"),
        ("metrics_address = 9464", "metrics_address: expected a text, got a whole number"),
    ):
        file.write_text(f"{wrong}\n{table}")
        assert said in refused("config", "check", file)
