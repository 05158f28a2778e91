"""Of several sources the strongest holds, and each value knows where it came from."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Configuration, Source, configured, file_to_read
from agent.state import default_folder
from models.errors import UserError

_WAYS = ("file, all", "file, own", "variable, all", "variable, own", "option")


def made(
    file: Path | None, environment: dict[str, str] | None = None, **given: Any
) -> Configuration:
    return configured(file=file, environment=environment or {}, **given)


def written(folder: Path, text: str) -> Path:
    file = folder / "agent.toml"
    file.write_text(text)
    return file


@given(said=st.sets(st.sampled_from(_WAYS)))
def test_the_strongest_source_wins_and_in_one_source_what_is_said_of_this_input(
    tmp_path_factory: pytest.TempPathFactory, said: set[str]
) -> None:
    values = {way: number + 1 for number, way in enumerate(_WAYS)}
    everywhere = f"window = {values['file, all']}\n" if "file, all" in said else ""
    own = f"window = {values['file, own']}\n" if "file, own" in said else ""
    file = written(
        tmp_path_factory.mktemp("folder"), f"{everywhere}[inputs.shop]\npaths = ['x']\n{own}"
    )
    environment = {}
    if "variable, all" in said:
        environment["METALOG_WINDOW"] = str(values["variable, all"])
    if "variable, own" in said:
        environment["METALOG_INPUTS__SHOP__WINDOW"] = str(values["variable, own"])
    options = {"window": values["option"]} if "option" in said else {"window": None}
    [shop] = made(file, environment, options=options).inputs
    strongest = max((values[way] for way in said), default=None)
    assert shop.keys.window == strongest
    assert (
        shop.called("window")
        == {
            None: "--window",
            1: f"{file}: window",
            2: f"{file}: inputs.shop.window",
            3: "$METALOG_WINDOW",
            4: "$METALOG_INPUTS__SHOP__WINDOW",
            5: "--window",
        }[strongest]
    )
    expected = Source.default if strongest is None else (1, 1, 2, 2, 3)[strongest - 1]
    assert shop.origins["window"].source == expected


def test_of_two_ways_to_say_a_thing_the_stronger_counts(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "threshold = 0.7\nwindow = 20\n"
        "[inputs.shop]\npaths = ['x']\nalerts_per_day = 5\n[inputs.web]\npaths = ['x']\n",
    )
    shop, web = made(file, options={"key_regex": "(a)"}).inputs
    assert (shop.keys.threshold, shop.keys.alerts_per_day) == (None, 5)
    assert (web.keys.threshold, web.keys.alerts_per_day) == (0.7, None)
    assert (shop.keys.key_regex, shop.keys.window) == ("(a)", None)
    with pytest.raises(UserError, match="--window and --key-regex: leave out one of them"):
        made(file, options={"key_regex": "(a)", "window": 3})
    with pytest.raises(UserError, match=r"alerts_per_day and threshold: leave out one of them"):
        made(written(tmp_path, "threshold = 1\nalerts_per_day = 5\n[inputs.a]\npaths = ['x']\n"))


def test_paths_of_the_command_line_take_the_place_of_the_inputs(tmp_path: Path) -> None:
    file = written(
        tmp_path, "state_dir = 's'\nthreshold = 0.7\n[inputs.shop]\npaths = ['x']\nwindow = 3\n"
    )
    configuration = made(file, paths=["logs"])
    [one] = configuration.inputs
    assert (one.name, one.keys.paths, one.keys.threshold, one.keys.window) == (
        "", ["logs"], 0.7, None,
    )  # fmt: skip
    # Not in the folder of the file's inputs.
    assert configuration.state_folder(one) == default_folder(["logs"])
    with_folder = made(file, {"METALOG_STATE_DIR": "/v"}, paths=["logs"])
    assert with_folder.state_folder(with_folder.inputs[0]) == Path("/v")


def test_each_input_has_a_state_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "[inputs.shop]\npaths = ['x']\n[inputs.web]\npaths = ['x']\nstate_dir = 'old'\n"
    file = written(tmp_path, text)

    def folders(configuration: Configuration) -> list[Path]:
        return [configuration.state_folder(one) for one in configuration.inputs]

    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/metalog")
    assert folders(made(file)) == [Path("/var/lib/metalog/shop"), tmp_path / "old"]
    given = made(file, options={"state_dir": "here"})
    assert folders(given) == [Path("here/shop"), tmp_path / "old"]
    written(tmp_path, f"state_dir = 's'\n{text}")
    assert folders(made(file)) == [tmp_path / "s" / "shop", tmp_path / "old"]
    written(tmp_path, f"state_dir = '.'\n{text.replace('old', 'shop')}")
    with pytest.raises(UserError, match="inputs shop and web cannot keep their states in one"):
        made(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[inputs.shop]\nwindow = 3", "inputs.shop: has no paths; give some, such as paths = "),
        ("[inputs.shop]\npaths = ['x']\nsend_to = ['op']\n[sinks.ops]\ntype = 'stdout'",
         "inputs.shop.send_to: there is no sink 'op'; did you mean ops?"),
        ("[inputs.shop]\npaths = ['x']\nsend_to = ['op']", "there is no sink 'op': none is"),
        ("[sinks.ops]\ntype = 'file'", "sinks.ops: has no path; give one, such as path = "),
        ("[sinks.a]\ntype = 'stdout'\n[sinks.b]\ntype = 'stdout'", "only one stdout"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        made(written(tmp_path, text))
    assert said in str(error.value)


def test_an_input_may_come_from_variables_alone() -> None:
    configuration = made(
        None, {"METALOG_INPUTS__SHOP__PATHS": "['/a', '/b']", "METALOG_THRESHOLD": "0.5"}
    )
    [shop] = configuration.inputs
    assert (shop.name, shop.keys.paths, shop.keys.threshold) == ("shop", ["/a", "/b"], 0.5)


def test_which_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = tmp_path / "agent.toml"
    monkeypatch.setattr("agent.config.configuration.DEFAULT_FILE", usual)
    named, given = Path("named"), Path("given")
    variable = {"METALOG_CONFIG": "named"}
    assert file_to_read(given, otherwise=True, environment=variable) == given
    assert file_to_read(None, otherwise=False, environment=variable) == named
    assert file_to_read(None, otherwise=True, environment={}) is None
    usual.touch()
    assert file_to_read(None, otherwise=True, environment={}) == usual
    assert file_to_read(None, otherwise=False, environment={}) is None
