"""``metalog-train adapt``: from a bundle that knows other systems to one of the user's."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from export.recovery import weights_of
from models.bundle import MANIFEST, REHEARSAL, Bundle
from models.errors import UserError
from models.scorer import Scorer
from models.session_inputs import GROUPS
from tests.trainer.agent import scored_by_agent
from tests.trainer.conftest import Demo, fit_tiny
from trainer.adapt import Adapted, AdaptOptions, adapt
from trainer.bundling import export_bundle
from trainer.cli import app
from trainer.datasets.by_bundle import OwnLogs
from trainer.demo import DemoSystem, web_shop
from trainer.fit import load_network, train
from trainer.lessons import rehearsed
from trainer.network import Ensemble, NetworkConfig
from trainer.presets import ADAPTATION, PRESETS, Statistics, preset
from trainer.rehearsal import Rehearsal
from trainer.run import Run

_NETWORK = {**PRESETS["unlabelled"].network, "hidden": 8, "members": 2}
_TINY = preset("unlabelled", network=_NETWORK, steps=6, batch=24)


@pytest.fixture(scope="module")
def learnt(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of the block store and a shop; the shop is also the user's system here."""
    folder = tmp_path_factory.mktemp("adapt")
    return train(
        fit_tiny(
            [demo.corpus(demo.source)], demo.corpus(demo.target), folder / "run", chosen=_TINY
        ),
        "cpu",
    )


@pytest.fixture(scope="module")
def base(learnt: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapt") / "base"
    export_bundle(learnt, path)
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoSystem, Path]:
    """A shop that the bundle has not met, and the folder of its logs."""
    folder = tmp_path_factory.mktemp("own")
    system = web_shop(sessions=120, seed=9, anomaly_share=0.1)
    system.write(folder)
    return system, folder


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for statistics, chosen in list(ADAPTATION.items()):
        monkeypatch.setitem(ADAPTATION, statistics, dataclasses.replace(chosen, steps=4, batch=16))


def logs_of(shop: tuple[DemoSystem, Path], **more: Any) -> OwnLogs:
    system, folder = shop
    return OwnLogs(
        (folder / f"{system.name}.log",), format=system.line_format, key_regex=system.key_regex,
        **more,
    )  # fmt: skip


def adapted(shop: tuple[DemoSystem, Path], base: Path, output: Path, *labels: Path) -> Adapted:
    return adapt(AdaptOptions(base, logs_of(shop), output, labels, name="mine"))


def few_labels(shop: tuple[DemoSystem, Path], folder: Path, count: int) -> Path:
    odd = [one.key for one in shop[0].sessions if one.fault is not None][: count // 2]
    plain = [one.key for one in shop[0].sessions if one.fault is None][: count - count // 2]
    rows = [f"{key},anomaly\n" for key in odd] + [f"{key},normal\n" for key in plain]
    (folder / "labels.csv").write_text("".join(rows))
    return folder / "labels.csv"


def weights(path: Path) -> dict[str, np.ndarray]:
    bundle = Bundle.load(path)
    config = NetworkConfig.from_json(bundle.manifest.network)
    return weights_of(bundle.network, config.shape())


def test_the_rehearsal_is_what_the_network_was_shown(learnt: Run, base: Path) -> None:
    bundle = Bundle.load(base, rehearsal=True)
    assert bundle.rehearsal is not None
    found = Rehearsal.from_arrays(bundle.rehearsal)
    whole = Rehearsal.of(
        learnt, learnt.systems(), learnt.embedder(), np.random.default_rng([learnt.seed, 4])
    )
    assert len(found.systems) == 1
    [one], [other] = found.systems, whole.systems
    assert np.allclose(found.vectors, whole.vectors, atol=1e-3)
    assert [row.tolist() for row in one.rows] == [row.tolist() for row in other.rows]
    assert np.array_equal(one.labels, other.labels)
    assert np.allclose(one.session, other.session, atol=2e-3)
    for mine, theirs in zip(one.features, other.features, strict=True):
        assert np.allclose(mine, theirs, atol=2e-3)
    assert set(one.labels.tolist()) == {0, 1}
    # Some of the histories knew anomalies, some did not.
    assert len(set(one.session[:, -6].tolist())) > 1


def test_a_bundle_with_its_rehearsal_is_small_and_the_agent_leaves_it_alone(base: Path) -> None:
    assert (base / REHEARSAL).stat().st_size < 3 << 20
    assert Bundle.load(base).rehearsal is None
    content = bytearray((base / REHEARSAL).read_bytes())
    content[len(content) // 2] ^= 1
    damaged = base.with_name("damaged")
    shutil.copytree(base, damaged)
    (damaged / REHEARSAL).write_bytes(content)
    with pytest.raises(UserError, match=f"{REHEARSAL} is damaged"):
        Bundle.load(damaged)


def test_without_labels_the_history_and_the_threshold_are_the_users(
    shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path
) -> None:
    done = adapted(shop, base, tmp_path / "mine")
    assert (done.sessions, done.normal, done.anomalous, done.trained) == (120, 0, 0, False)
    before, after = weights(base), weights(tmp_path / "mine")
    for name, value in before.items():
        assert after[name] == pytest.approx(value, abs=1e-5)
    bundle = Bundle.load(tmp_path / "mine")
    manifest = bundle.manifest
    assert manifest.name == "mine"
    assert "120 sessions, 0 of them labelled" in manifest.threshold_origin
    assert manifest.rule.key_regex == shop[0].key_regex
    assert any("checkout" in template for template in bundle.templates)
    description = bundle.description()
    assert description is not None
    assert description.history.sessions == 120
    assert [(one["role"], one["name"]) for one in manifest.data] == [
        ("source", "block-store"), ("source", "web-shop"), ("target", "mine"),
    ]  # fmt: skip


def test_labels_move_the_weights_and_count_as_evidence(
    shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path
) -> None:
    done = adapted(shop, base, tmp_path / "mine", few_labels(shop, tmp_path, 12))
    assert (done.normal, done.anomalous, done.trained) == (6, 6, True)
    before, after = weights(base), weights(tmp_path / "mine")
    assert all((after[name] != value).any() for name, value in before.items())
    history = Bundle.load(tmp_path / "mine").history
    assert history is not None
    assert history["anomaly_weights"].sum() == 6


def test_what_equals_a_known_anomaly_is_one_too(
    shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path
) -> None:
    """One label, and a copy of its session under another id: both leave the history; the manifest
    tells of the labels that were given."""
    odd = next(one for one in shop[0].sessions if one.fault is not None)
    event = "mailer[7]: confirmation of ord-0123abcd mailed to u7@example.org"
    sessions: list[dict[str, Any]] = [
        {"id": f"ord-0123abc{number}", "label": label, "events": [event] * 9}
        for number, label in enumerate(["anomaly", None, None])
    ]
    sessions.append({"id": odd.key, "label": 1, "events": [event]})
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in sessions))
    done = adapted(shop, base, tmp_path / "mine", file)
    assert (done.sessions, done.anomalous) == (123, 2)
    history = Bundle.load(tmp_path / "mine").history
    assert history is not None
    assert history["anomaly_weights"].sum() == 4
    assert done.manifest.data[-1]["anomaly_labels"] == 2


def test_the_anchor_holds_the_answers(
    shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same labels and steps the rehearsed sessions are scored more nearly as before."""
    labels = few_labels(shop, tmp_path, 12)
    shown = rehearsal(base)
    changes = []
    for weight in (0.0, 3.0):
        for statistics, chosen in list(ADAPTATION.items()):
            monkeypatch.setitem(
                ADAPTATION, statistics, dataclasses.replace(chosen, steps=12, anchor=weight)
            )
        adapted(shop, base, tmp_path / f"anchor-{weight}", labels)
        changes.append(log_odds(tmp_path / f"anchor-{weight}", shown) - log_odds(base, shown))
    free, held = (float(np.square(change).mean()) for change in changes)
    assert 0 < held < free / 2


def log_odds(path: Path, shown: Rehearsal) -> np.ndarray:
    bundle = Bundle.load(path)
    network = Ensemble(NetworkConfig.from_json(bundle.manifest.network), torch.from_numpy(GROUPS))
    network.load_state_dict({k: torch.from_numpy(v) for k, v in weights(path).items()})
    [sessions] = shown.sessions(1 << 20)
    batch = sessions.batch(np.arange(len(sessions)))
    with torch.no_grad():
        found = network.eval()(torch.from_numpy(shown.vectors), batch)
    return np.asarray(found[:, 1] - found[:, 0])


def test_every_session_labelled_makes_a_history_that_is_known_to_be_normal(
    shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path
) -> None:
    done = adapted(shop, base, tmp_path / "mine", shop[1] / "web-shop.labels.csv")
    assert done.normal + done.anomalous == done.sessions
    assert "known anomalies" in done.manifest.threshold_origin
    history = Bundle.load(tmp_path / "mine").history
    assert history is not None
    assert bool(history["labelled"])


def test_the_agent_runs_it(shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path) -> None:
    adapted(shop, base, tmp_path / "mine", few_labels(shop, tmp_path, 10))
    verdicts = scored_by_agent(tmp_path / "mine", [shop[1] / "web-shop.log"])
    assert {one["key"] for one in verdicts} == {one.key for one in shop[0].sessions}
    assert len({one["score"] for one in verdicts}) > 5


def test_the_same_seed_gives_the_same_bundle_and_it_can_be_adapted_again(
    shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path
) -> None:
    labels = few_labels(shop, tmp_path, 8)
    for name in ("one", "two"):
        adapted(shop, base, tmp_path / name, labels)
    one, two = (weights(tmp_path / name) for name in ("one", "two"))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    again = adapted(shop, tmp_path / "one", tmp_path / "three")
    assert [each["name"] for each in again.manifest.data] == [
        "block-store", "web-shop", "mine", "mine",
    ]  # fmt: skip
    assert (tmp_path / "three" / REHEARSAL).read_bytes()
    assert np.array_equal(rehearsal(tmp_path / "three").vectors, rehearsal(base).vectors)


def rehearsal(path: Path) -> Rehearsal:
    bundle = Bundle.load(path, rehearsal=True)
    assert bundle.rehearsal is not None
    return Rehearsal.from_arrays(bundle.rehearsal)


def test_what_was_learnt_is_rehearsed_beside_the_users_labels(learnt: Run, base: Path) -> None:
    """Every other meta-task asks about a system that the network has learnt before."""
    shown = rehearsal(base).sessions(learnt.preset.longest)
    lessons = rehearsed(learnt, shown, learnt.systems()[-1], learnt.embedder())
    assert lessons.sources == shown
    for asked in lessons.targets:
        assert sum(one is shown[0] for one in asked) == len(asked) / 2 == 1


def test_a_tar_and_sessions_given_as_events(
    shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path
) -> None:
    event = "mailer[7]: confirmation of ord-0123abcd mailed to u7@example.org"
    sessions = [
        {"id": "ord-0123abcd", "label": "anomaly", "events": [event] * 9},
        {"id": shop[0].sessions[0].key, "label": 0, "events": [event]},
        {"id": shop[0].sessions[1].key, "label": None, "events": [event]},
    ]
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in sessions))
    done = adapted(shop, base, tmp_path / "mine.tar", file)
    assert (done.sessions, done.normal, done.anomalous) == (121, 1, 1)
    assert Scorer(Bundle.load(tmp_path / "mine.tar"), "cpu").history is not None


def test_the_command(shop: tuple[DemoSystem, Path], base: Path, tmp_path: Path) -> None:
    arguments = [
        "adapt", str(base), "--logs", str(shop[1] / "web-shop.log"), "--format", "syslog",
        "--key-regex", shop[0].key_regex, "--labels", str(few_labels(shop, tmp_path, 4)),
        "-o", str(tmp_path / "mine"),
    ]  # fmt: skip
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert Bundle.load(tmp_path / "mine").manifest.name == "mine"
    with pytest.raises(UserError, match="--force"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_what_cannot_be_adapted(
    shop: tuple[DemoSystem, Path], base: Path, bundle: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="reads no statistics"):
        adapted(shop, bundle, tmp_path / "mine")
    bare = tmp_path / "bare"
    shutil.copytree(base, bare)
    (bare / REHEARSAL).unlink()
    manifest = Bundle.load(base).manifest
    files = {name: digest for name, digest in manifest.files.items() if name != REHEARSAL}
    (bare / MANIFEST).write_bytes(dataclasses.replace(manifest, files=files).to_bytes())
    assert Bundle.load(bare).manifest.name == manifest.name
    with pytest.raises(UserError, match=f"lacks {REHEARSAL}"):
        adapted(shop, bare, tmp_path / "mine")
    few = tmp_path / "few.log"
    few.write_text("\n".join((shop[1] / "web-shop.log").read_text().splitlines()[:40]))
    with pytest.raises(UserError, match="at least 20"):
        adapt(AdaptOptions(base, dataclasses.replace(logs_of(shop), paths=(few,)), tmp_path / "x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "few.log"]


def test_a_bundle_for_a_target_that_was_never_seen(
    demo: Demo, shop: tuple[DemoSystem, Path], tmp_path: Path
) -> None:
    """A default bundle: sources only, no event and no session of its nominal target."""
    from trainer.fit import FitOptions, start
    from trainer.splits import Fractions, Seen

    none = np.zeros(0, dtype=np.int64)
    seen = Seen((np.arange(150),), none, none)
    options = FitOptions(
        (demo.corpus(demo.source),), demo.corpus(demo.target), tmp_path / "run", _TINY,
        Fractions(), device="cpu", seen=seen,
    )  # fmt: skip
    trained = train(start(options), "cpu")
    manifest, difference = export_bundle(trained, tmp_path / "default")
    assert (manifest.events, difference < 1e-5) == (0, True)
    done = adapted(shop, tmp_path / "default", tmp_path / "mine")
    assert done.manifest.events > 0
    assert load_network(trained, torch.device("cpu")).config.members == 2


def test_labelled_runs_rehearse_their_target_too(demo: Demo, tmp_path: Path) -> None:
    chosen = preset("default", network={**_NETWORK, "severity": False}, steps=4, batch=16)
    made = fit_tiny(
        [demo.corpus(demo.source)], demo.corpus(demo.target), tmp_path / "run", chosen=chosen
    )
    export_bundle(train(made, "cpu"), tmp_path / "bundle")
    assert made.preset.statistics is Statistics.LABELLED
    assert len(rehearsal(tmp_path / "bundle").systems) == 2
