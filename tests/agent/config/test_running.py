"""Real agents on a configuration: several inputs, and another configuration while they run."""

import signal
import sqlite3
import threading
from collections import Counter
from pathlib import Path

import pytest

from agent.state import Glance
from tests.agent.conftest import make_bundle
from tests.agent.orders import NORMAL, ODD, line, session
from tests.agent.receiver import receiver
from tests.agent.running import Watcher, append, until, watching
from tests.agent.test_watch import objects, run

_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


class Place:
    """A folder with two bundles, two folders of logs and a configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "agent.toml"
        self.shop, self.web = folder / "shop", folder / "web"
        self.shop.mkdir()
        self.web.mkdir()
        make_bundle(folder / "one", seed=3, name="one")
        make_bundle(folder / "two", seed=9, name="two", events=2)

    def configure(self, text: str = "", *, sinks: str = "", web: str = "", shop: str = "") -> None:
        new = self.file.with_suffix(".new")
        new.write_text(
            f"state_dir = 'state'\nthreshold = 0\ngrouping = false\nfrom_beginning = true\n"
            f"end_regex = 'lost'\nprovider = 'cpu'\n{text}\n"
            f"[inputs.shop]\npaths = ['shop']\nbundle = 'one'\n{shop}\n"
            f"[inputs.web]\npaths = ['web']\nbundle = 'two'\n{web}\n{sinks}\n"
        )
        new.rename(self.file)

    def state(self, name: str) -> Glance:
        return Glance.at(self.folder / "state" / name)

    def counts(self, name: str) -> Counter[str]:
        """Nothing before the first save."""
        return Counter(self.state(name).report.get("counts", {}))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def reload(agent: Watcher) -> str:
    agent.process.send_signal(signal.SIGHUP)
    return agent.said("reloaded")


def test_two_inputs_have_bundles_rules_sinks_and_states_of_their_own(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(place.shop / "app.log", session(1, *ODD))
    append(place.web / "web.log", session(2, *ODD))
    monkeypatch.setenv("HOOK_SECRET", _SECRET)
    with receiver() as hook, receiver() as manager:
        place.configure(
            shop="send_to = ['out', 'hook', 'am']\n",
            web="key_regex = 'order (\\S+)'\nsend_to = ['file', 'hook']\nthreshold = 0.0",
            sinks="[sinks.out]\ntype = 'stdout'\n[sinks.file]\ntype = 'file'\npath = 'a.jsonl'\n"
            f"[sinks.hook]\ntype = 'webhook'\nurl = '{hook.url}'\nsecret_env = 'HOOK_SECRET'\n"
            f"[sinks.am]\ntype = 'alertmanager'\nurl = '{manager.url}'\n",
        )
        with watching("--config", place.file) as agent:
            bodies = hook.wait_for(2)
            [[fired]] = manager.wait_for(1)
            assert fired["labels"]["input"] == "shop"
            alert = agent.alerts.get(timeout=60)
            append(place.web / "new.log", session(3, *ODD))
            hook.wait_for(3)
            until(lambda: (place.folder / "a.jsonl").read_bytes().count(b"\n") == 2)
            told = run("status", "--config", place.file, "--json")
            assert agent.stop() == []
        assert all("webhook-signature" in request.headers for request in hook.seen)
    assert (alert["key"], alert["bundle"]) == ("ord-1", "one")
    written = objects((place.folder / "a.jsonl").read_bytes())
    assert [(one["key"], one["bundle"]) for one in written] == [("ord-2", "two"), ("ord-3", "two")]
    assert sorted(body["data"]["key"] for body in bodies) == ["ord-1", "ord-2"]
    assert set(objects(told.stdout)[0]["inputs"]) == {"shop", "web"}
    assert place.counts("shop")["lines_read"] == 4
    assert place.counts("web")["lines_read"] == 8
    assert set(place.state("shop").report["sinks"]) == {
        "stdout out", "webhook hook", "alertmanager am",
    }  # fmt: skip
    assert set(place.state("web").report["sinks"]) == {"file file", "webhook hook"}
    everything = b"".join(
        one.read_bytes() for one in (place.folder / "state").rglob("*") if one.is_file()
    )
    assert _SECRET.encode() not in everything


def test_a_restart_goes_on_with_both_states(place: Place) -> None:
    place.configure()
    lines = session(1, *ODD)
    for folder in (place.shop, place.web):
        append(folder / "app.log", lines[:2])
    with watching("--config", place.file) as agent:
        until(lambda: place.counts("web")["lines_read"] == 2)
        assert agent.stop() == []
    for folder in (place.shop, place.web):
        append(folder / "app.log", lines[2:])
    with watching("--config", place.file) as agent:
        found = [agent.alerts.get(timeout=60) for _ in range(2)]
        assert agent.stop() == []
    assert sorted((one["bundle"], one["lines"]) for one in found) == [("one", 4), ("two", 4)]


def test_status_silences_and_labels_are_about_all_inputs_or_one(place: Place) -> None:
    place.configure("[inputs.later]\npaths = ['later']\n")
    append(place.shop / "app.log", session(1, *ODD))
    append(place.web / "app.log", session(2, *ODD))
    with watching("--config", place.file, "--max-alerts-per-hour", 0) as agent:
        alerts = {one["bundle"]: one for one in (agent.alerts.get(timeout=60) for _ in range(2))}
        config = ("--config", place.file)

        def said(*arguments: object) -> str:
            done = run(*arguments, *config)
            assert done.returncode == 0, done.stderr
            return done.stdout.decode()

        said("silence", alerts["one"]["fingerprint"], "--for", "1h", "--input", "shop")
        said("silence", alerts["two"]["fingerprint"], "--for", "1h")
        listed = dict(line.split("  ", 1) for line in said("silence", "list").splitlines())
        assert " in 1 of 3 inputs" in listed[alerts["one"]["fingerprint"]]
        assert "inputs" not in listed[alerts["two"]["fingerprint"]]
        assert "until" not in said("silence", "list", "--input", "later").replace(
            alerts["two"]["fingerprint"] + "  until", ""
        )
        for name, order in (("shop", 3), ("web", 4)):
            append(place.folder / name / "app.log", session(order, *ODD))
            until(lambda name=name: place.counts(name)["sessions_silenced"] == 1)  # type: ignore[misc]
        said("label", alerts["two"]["id"], "anomaly")
        assert (place.folder / "state" / "web" / "labels.jsonl").exists()
        refused = run("label", "nonsense", "normal", *config)
        assert refused.returncode == 2
        assert b"holds no alert of this id" in refused.stderr
        assert agent.stop() == []
    text = said("status")
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[later]", "[shop]", "[web]",
    ]  # fmt: skip
    assert said("status", "--input", "shop").startswith("state  ")
    place.configure("[inputs.new]\npaths = ['new']\n")
    assert "[new]\nno agent has kept its state yet\n" in said("status")


def test_options_and_variables_are_stronger_than_the_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.configure("window = 4")
    append(place.shop / "app.log", [*session(1, *NORMAL), *session(2, *NORMAL)])
    monkeypatch.setenv("METALOG_INPUTS__SHOP__WINDOW", "3")
    options = ("--config", place.file, "--once", "--state-dir", place.folder / "other")

    def windows(*more: object) -> list[str]:
        done = run("watch", *options, *more, place.shop)
        assert done.returncode == 0, done.stderr
        return sorted(one["key"].rpartition("#")[2] for one in objects(done.stdout))

    # A path of the command line is no input of the file, but the keys at its top hold for it.
    monkeypatch.setenv("METALOG_BUNDLE", str(place.folder / "one"))
    assert windows() == ["0", "1"]
    monkeypatch.setenv("METALOG_STATE_DIR", str(place.folder / "unused"))
    assert windows("--window", 2, "--state-dir", place.folder / "third") == ["0", "1", "2"]
    assert not (place.folder / "unused").exists()
    assert (place.folder / "third" / "agent.sqlite").exists()
    assert not (place.folder / "state").exists()


def test_once_reads_all_inputs_and_leaves_their_states_alone(place: Place) -> None:
    place.configure(sinks="[sinks.file]\ntype = 'file'\npath = 'alerts.jsonl'")
    append(place.shop / "app.log", session(1, *ODD))
    append(place.web / "app.log", session(2, *ODD))
    done = run("watch", "--config", place.file, "--once")
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    written = objects((place.folder / "alerts.jsonl").read_bytes())
    assert sorted((one["key"], one["bundle"]) for one in written) == [
        ("ord-1", "one"), ("ord-2", "two"),
    ]  # fmt: skip
    assert not (place.folder / "state").exists()


def test_a_hangup_brings_another_configuration_and_a_bad_one_is_refused(place: Place) -> None:
    place.configure()
    log = place.shop / "app.log"
    lines = session(1, *ODD)
    append(log, lines[:2])
    with watching("--config", place.file) as agent:
        until(lambda: place.counts("shop")["lines_read"] == 2)
        # Refused, one after the other: the agent goes on as it is.
        for wrong, said in (
            ("treshold = 1", "treshold: there is no such key; did you mean threshold?"),
            ("verify = 'gone.pem'", "gone.pem"),
            ("history = ['gone']", "no such file"),
            ("state_dir = 'x'", "line 7: no TOML"),
        ):
            place.configure(wrong)
            agent.process.send_signal(signal.SIGHUP)
            assert said in agent.said("not reloaded, the configuration in use stays in use")
        place.file.write_text(place.file.read_text().replace("'state'", "'elsewhere'").replace(
            "state_dir = 'x'", ""))  # fmt: skip
        agent.process.send_signal(signal.SIGHUP)
        assert "a state cannot be moved while its agent runs" in agent.said("not reloaded")
        append(log, lines[2:])
        assert agent.alerts.get(timeout=60)["lines"] == 4
        # A new one: another rule for one input, in the middle of a session; the other as it was.
        append(log, session(2, *ODD)[:2])
        until(lambda: place.counts("shop")["lines_read"] == 6)
        place.configure(shop="end_regex = 'refused'\n")
        assert "begun anew: shop; as before: web" in reload(agent)
        append(log, session(2, *ODD)[2:3])
        alert = agent.alerts.get(timeout=60)
        assert (alert["key"], alert["lines"], alert["bundle"]) == ("ord-2", 3, "one")
        # An input that is gone, and one that is new.
        text = place.file.read_text().replace("[inputs.web]", "[inputs.third]")
        place.file.write_text(text.replace("paths = ['web']", "paths = ['third']"))
        (place.folder / "third").mkdir()
        append(place.folder / "third" / "t.log", session(3, *ODD))
        assert "begun anew: third; gone: web; as before: shop" in reload(agent)
        assert agent.alerts.get(timeout=60)["key"] == "ord-3"
        append(place.web / "web.log", session(4, *ODD))
        append(log, session(5, "opened", "refused"))
        assert agent.alerts.get(timeout=60)["key"] == "ord-5"
        assert agent.stop() == []
    assert place.state("shop").running is False
    assert place.counts("shop")["lines_read"] == 9
    assert place.counts("third")["lines_read"] == 4
    assert place.counts("web")["lines_read"] == 0


def test_a_hangup_looks_for_bundles_at_once(place: Place) -> None:
    place.configure()
    with watching("--config", place.file) as agent:
        (place.folder / "one").rename(place.folder / "old")
        make_bundle(place.folder / "one", seed=5, name="newer")
        assert "as before: shop, web" in reload(agent)
        append(place.shop / "app.log", session(1, *ODD))
        # Whether it is in use before the line is read, nobody can say: the next one knows.
        agent.said("the bundle was replaced: newer")
        append(place.shop / "app.log", session(2, *ODD))
        found = {agent.alerts.get(timeout=60)["key"]: True for _ in range(2)}
        assert set(found) == {"ord-1", "ord-2"}
        assert agent.stop() == []
    assert place.state("shop").report["bundle"] == "newer"


def test_no_line_and_no_alert_is_lost_over_reloads_while_lines_are_written(place: Place) -> None:
    """Rotations and changes of rules, thresholds and sinks, all at the same time."""
    orders, log = 400, place.shop / "app.log"
    changes = ("", "max_alerts_per_hour = 5", "idle = 200", "threshold = 0.0")
    sinks = "[sinks.out]\ntype = 'stdout'\n[sinks.file]\ntype = 'file'\npath = '{}.jsonl'\n"
    place.configure(sinks=sinks.format("a"))

    def write() -> None:
        rotated = 0
        for number in range(orders):
            append(log, session(number, *ODD))
            if number % 50 == 49:
                rotated += 1
                log.rename(place.shop / f"app.log.{rotated}")
            done.wait(0.01)

    done = threading.Event()
    writer = threading.Thread(target=write)
    with watching("--config", place.file) as agent:
        writer.start()
        number = 0
        while writer.is_alive():
            number += 1
            change = changes[number % len(changes)]
            place.configure(shop=change, sinks=sinks.format("a" if number % 2 else "b"))
            reload(agent)
        writer.join()
        assert number >= 3, "reloaded while lines were written"
        until(lambda: place.counts("shop")["sessions_scored"] >= orders)
        alerts = agent.stop()
    assert place.counts("shop")["lines_read"] == orders * len(ODD)
    # Each alert is said once or more often, always with the same id.
    everything = {f"ord-{number}" for number in range(orders)}
    ids: dict[str, set[str]] = {}
    for alert in alerts:
        ids.setdefault(alert["key"], set()).add(alert["id"])
        assert alert["lines"] == len(ODD)
    assert set(ids) == everything
    assert {key for key, some in ids.items() if len(some) > 1} == set()
    written = [
        one["key"]
        for name in ("a", "b")
        if (place.folder / f"{name}.jsonl").exists()
        for one in objects((place.folder / f"{name}.jsonl").read_bytes())
    ]
    assert set(written) == everything


def test_deliveries_to_a_sink_that_stays_are_not_disturbed(place: Place) -> None:
    """It is down and has alerts to get: they are not sent anew by every reload, nor forgotten."""
    with receiver(503) as hook:
        sinks = f"[sinks.hook]\ntype = 'webhook'\nurl = '{hook.url}'\n"
        place.configure(sinks=sinks)
        append(place.shop / "app.log", session(1, *ODD))
        with watching("--config", place.file) as agent:
            hook.wait_for_requests(1)
            for number in range(3):
                place.configure(shop=f"idle = {100 + number}", sinks=sinks)
                assert "begun anew: shop" in reload(agent)
            assert hook.requests == 1, "the first retry is due after five seconds"
            hook.answers = [200]
            [body] = hook.wait_for(1)
            assert agent.stop() == []
        assert body["data"]["key"] == "ord-1"
        assert {request.headers["webhook-id"] for request in hook.seen} == {body["data"]["id"]}
    assert place.state("shop").unsent == ()


def test_an_input_that_waits_for_its_disk_does_not_hold_up_the_other(place: Place) -> None:
    """Another process holds the database of one; see docs/agent.md, Backpressure."""
    place.configure()
    append(place.shop / "app.log", session(1, *ODD))
    with watching("--config", place.file) as agent:
        assert agent.alerts.get(timeout=60)["key"] == "ord-1"
        other = sqlite3.connect(place.folder / "state" / "shop" / "agent.sqlite")
        other.execute("begin immediate")
        append(place.shop / "app.log", session(2, *ODD))
        agent.said("nothing is read until it can")
        for number in range(10, 13):
            append(place.web / "app.log", session(number, *ODD))
            assert agent.alerts.get(timeout=60)["key"] == f"ord-{number}"
        other.rollback()
        other.close()
        assert agent.alerts.get(timeout=60)["key"] == "ord-2"
        assert agent.stop() == []


def test_without_a_configuration_a_hangup_ends_the_agent(place: Place) -> None:
    append(place.shop / "app.log", [line(1, "opened")])
    options = ("--bundle", place.folder / "one", "--state-dir", place.folder / "state")
    with watching(place.shop, *options) as agent:
        agent.process.send_signal(signal.SIGHUP)
        assert agent.process.wait(timeout=60) == -signal.SIGHUP
