"""What is no key, no value or no secret's place is refused in one line that says what would do."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.environment import of_environment
from agent.config.toml import toml
from agent.config.toml_file import of_file
from models.errors import UserError

_INPUT = "[inputs.shop]\npaths = ['logs']\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agent.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("treshold = 0.5", "treshold: there is no such key; did you mean threshold?"),
        ("[input.shop]", "input: there is no such key; did you mean inputs?"),
        (_INPUT + "multiline-start = 'x'", "multiline-start: there is no such key; did you mean "
         "multiline_start?"),
        (_INPUT + "sinks = ['ops']", "inputs.shop.sinks: there is no such key; did you mean send"),
        (_INPUT + "quiet = true", "inputs.shop.quiet: stands at the top of the file"),
        ("paths = ['logs']", "paths: stands in the table of an input"),
        ("zzz = 1", "zzz: there is no such key; there are "),
        ('"z\\nz" = 1', "'z\\nz': there is no such key; there are "),
        ("[sinks.ops]\ntype = 'webhok'", "sinks.ops: there is no sink of type 'webhok'; did you "
         "mean 'webhook'?"),
        ("[sinks.ops]\ntype = 'carrier pigeon'", "it is one of stdout, file, webhook, "),
        ("[sinks.ops]\nurl = 'https://x'", "sinks.ops: has no type; it is one of stdout, file"),
        ("[sinks.ops]\ntype = 'file'\npth = 'x'", "sinks.ops.pth: there is no such key; did you "
         "mean path?"),
        ("window = '20'", "window: expected a whole number, got a text, such as window = 20"),
        ("window = 0", "window: expected a whole number >= 1, such as window = 20"),
        ("idle = ['1s']", 'idle: expected a number or a text, got a list, such as idle = "60s"'),
        ("threshold = 7", "threshold: expected a number <= 1.0, such as threshold = 0.8"),
        ("frozen = 1", "frozen: expected true or false, got a whole number"),
        ("provider = 'gpu'", "provider: expected one of auto, cpu, cuda"),
        (_INPUT + "include = '*.log'", "inputs.shop.include: expected a list, got a text"),
        ("[inputs.shop]\npaths = []", "inputs.shop.paths: expected a list of length >= 1"),
        ("inputs = 3", "inputs: expected tables such as [inputs.shop]"),
        ("[inputs]\npaths = ['x']", "inputs.paths: expected a table, [inputs.NAME]"),
        ("[inputs.'my shop']", "inputs: 'my shop' is no name for it"),
        ("x = ", "line 1: no TOML: "),
        ("quiet = true\n\nwindow 20", "line 3: no TOML: "),
        ("quiet = true\nquiet = false", "line 2: no TOML: "),
        ("x = [1,\n2", "line 2: no TOML: "),
    ],
)  # fmt: skip
def test_what_a_file_may_not_say(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(UserError) as error:
        of_file(file)
    assert str(error.value).startswith(f"{file}: ")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_or_not_there_is_one_line(file: Path) -> None:
    with pytest.raises(UserError, match="config init"):
        of_file(file)
    file.write_bytes(b"quiet = true\nbundle = '\xff'\n")
    with pytest.raises(UserError, match="line 2: this is not UTF-8"):
        of_file(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type = 'webhook'\nsecret = 'whsec_hush'", 'give secret_env = "VARIABLE" or secret_file'),
        ("type = 'webhook'\ntoken = 'hush'", 'give secret_env = "VARIABLE" or secret_file'),
        ("type = 'slack'\nurl = 'https://hooks/hush'", 'give url_env = "VARIABLE" or url_file'),
        ("type = 'webhook'\nurl = 'https://me:hush@h/'", 'give url_env = "VARIABLE" or url_file'),
        ("type = 'webhook'\nurl = 'https://h/?token=hush'", 'give url_env = "VARIABLE" or url_f'),
        ("type = 'webhook'\nsecret_env = 'whsec_hush'", "expected the name of an environment"),
        ("type = 'webhook'\nurl_env = 'https://hush'", "expected the name of an environment"),
        ("type = 'webhook'\n[sinks.ops.headers]\nAuthorization = 'hush'", "headers_env = { Auth"),
        ("type = 'webhook'\n[sinks.ops.headers]\nX-Api-Key = 'hush'", "headers_env = { X-Api-Key"),
        ("type = 'webhook'\n[sinks.ops.headers_env]\nA = 'Bearer hush'", "expected the name of an"),
        ("type = 'file'\npassword = 'hush'", "a secret does not stand in a configuration"),
    ],
)  # fmt: skip
def test_a_secret_in_a_file_is_refused_with_a_hint_and_not_shown(
    file: Path, text: str, said: str
) -> None:
    file.write_text(f"[sinks.ops]\n{text}\n")
    with pytest.raises(UserError) as error:
        of_file(file)
    assert said in str(error.value)
    assert "hush" not in str(error.value)


def test_names_of_files_in_a_file_are_beside_it(file: Path) -> None:
    file.write_text(
        "bundle = 'b'\nhistory = ['/old/*.gz', 'new/*']\n[inputs.shop]\npaths = ['logs', '~/x']\n"
        "[sinks.f]\ntype = 'file'\npath = 'alerts'\n"
    )
    layer, folder = of_file(file), file.parent
    assert layer.agent == {"bundle": f"{folder}/b", "history": ["/old/*.gz", f"{folder}/new/*"]}
    assert layer.inputs == {"shop": {"paths": [f"{folder}/logs", "~/x"]}}
    assert layer.sinks == {"f": {"type": "file", "path": f"{folder}/alerts"}}


def test_variables_say_what_keys_say(file: Path) -> None:
    file.write_text("[inputs.Web-2]\npaths = ['x']\n[sinks.ops]\ntype = 'webhook'\n")
    environment = {
        "METALOG_THRESHOLD": "0.25",
        "METALOG_FROZEN": "yes",
        "METALOG_IDLE": "90",
        "METALOG_WARMUP": "2h",
        "METALOG_HISTORY": "['a', 'b, c']",
        "METALOG_INCLUDE": "*.log",
        "METALOG_BUNDLE": "  ",
        "METALOG_INPUTS__WEB_2__WINDOW": "20",
        "METALOG_INPUTS__NEW__PATHS": "/var/log/new",
        "METALOG_SINKS__OPS__URL": "https://hooks.example",
        "METALOG_SINKS__OPS__HEADERS": "{ X-Team = 'shop' }",
        "METALOG_SINKS__LOG__TYPE": "file",
        "METALOG_SINKS__LOG__PATH": "alerts",
        "METALOG_WEBHOOK_SECRET": "whsec_hush",
        "METALOG_CONFIG": "elsewhere",
        # What Kubernetes makes of a service called metalog.
        "METALOG_PORT_9090_TCP_ADDR": "10.0.0.1",
        "METALOG_SERVICE_HOST": "10.0.0.1",
    }
    layer, warnings = of_environment(environment, of_file(file))
    assert warnings == []
    assert layer.agent == {
        "threshold": 0.25, "frozen": True, "idle": 90.0, "warmup": "2h",
        "history": ["a", "b, c"], "include": ["*.log"],
    }  # fmt: skip
    assert layer.inputs == {"Web-2": {"window": 20}, "new": {"paths": ["/var/log/new"]}}
    assert layer.sinks == {
        "ops": {"url": "https://hooks.example", "headers": {"X-Team": "shop"}},
        "log": {"type": "file", "path": "alerts"},
    }
    assert layer.said_by(("inputs", "Web-2", "window")) == "$METALOG_INPUTS__WEB_2__WINDOW"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("METALOG_WINDOW", "many", "expected a whole number, got a text"),
        ("METALOG_FROZEN", "perhaps", "expected true or false, not 'perhaps'"),
        ("METALOG_HISTORY", "['a", 'expected as in the file, such as history = ["/var/log/old/'),
        ("METALOG_INPUTS__SHOP__TRESHOLD", "1", "no such key; did you mean threshold?"),
        ("METALOG_INPUT__SHOP__IDLE", "1", "it is METALOG_KEY, METALOG_INPUTS__NAME__KEY or"),
        ("METALOG_SINKS__OPS__URL", "https://x", "has no type"),
    ],
)  # fmt: skip
def test_what_a_variable_may_not_say(variable: str, value: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        of_environment({variable: value})
    assert str(error.value).startswith(f"${variable}")
    assert said in str(error.value)


def test_a_variable_that_is_nearly_a_key_is_warned_of() -> None:
    layer, warnings = of_environment({"METALOG_TRESHOLD": "0.5"})
    assert layer.agent == {}
    assert warnings == ["$METALOG_TRESHOLD says nothing to metalog-agent; METALOG_THRESHOLD would"]


_texts = st.text(st.characters(exclude_categories=["Cs"]))
_values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner) | st.dictionaries(_texts, inner),
)


@given(_values)
def test_values_are_written_as_toml_reads_them(value: Any) -> None:
    assert tomllib.loads(f"value = {toml(value)}")["value"] == value
