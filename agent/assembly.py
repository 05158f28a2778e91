"""Putting an input together: from a configuration to what follows files and sends alerts.

``prepare`` finds all that can be wrong with what a user wrote, and disturbs nothing; ``start`` then
takes the state and the files. So a running agent can see whether a new configuration will do before
it lets go of what it has.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from time import monotonic

from agent.alerts import Policy, Quiet, Reporter
from agent.bundle_watch import BundleWatch
from agent.bundles import Bundles, bundle_of, knows_nothing, place_of
from agent.clock import Clock, SystemClock
from agent.commands.sink_options import SinkOptions
from agent.config import Configuration, InputSettings, Source
from agent.config.configuration import SinkSettings
from agent.config.sinks import SinkPlan, check_sink, plan_of
from agent.config.values import check_values, masker_of, policy_of, rule_for, seconds_of
from agent.delivery import Courier
from agent.follow import Follower, Selection, Wakeup
from agent.judging import Judging, Knowledge
from agent.logs import speaking_of
from agent.metrics.board import Board
from agent.notify import Notifier
from agent.old_logs import found, learn
from agent.sinks import Sink
from agent.sinks.file import AlertFile
from agent.sinks.stdout import Format, Stdout
from agent.state import Saved, State
from agent.streams import JournalAs, Places, Streams
from agent.watching import Watching
from models.bundle import Bundle
from models.errors import UserError
from models.masks import Masker
from models.session_rule import SessionRule
from models.wrapping import Wrapping, wrapping_for

log = logging.getLogger("metalog")


@dataclass(frozen=True)
class Outline:
    """An input without what takes memory. plans: of its sinks, by name; two that are equal make the
    same sink."""

    settings: InputSettings
    folder: Path | None
    plans: Mapping[str, SinkPlan | None]


@dataclass(frozen=True)
class Prepared:
    """An input that can be started.

    folder: of its state, None for none. sinks: with what they were made of, None for those of the
    command line, which never change.
    """

    settings: InputSettings
    folder: Path | None
    bundle: Bundle
    load: Callable[[Path], Bundle]
    judging: Judging
    policy: Policy
    secrets: Masker
    places: Places
    selection: Selection | None
    old_logs: list[Path]
    sinks: list[tuple[Sink, SinkPlan | None]]

    @property
    def name(self) -> str:
        return self.settings.name

    def outline(self) -> "Outline":
        """What is to be known of it while it runs."""
        plans = {sink.name: plan for sink, plan in self.sinks}
        return Outline(self.settings, self.folder, plans)

    def try_out(self) -> None:
        """Raises UserError where the bundle does not allow what was asked for."""
        self.judging.detector(self.bundle, Knowledge())

    def drop(self) -> None:
        """It will not be started."""
        for sink, _ in self.sinks:
            sink.close()


@dataclass
class Assembly:
    """What all inputs of a process have in common.

    once: see ``Watching``; form: of alerts on stdout, None for what is configured; options: sinks
    of the command line, which take the place of all that are configured.
    """

    once: bool = False
    form: Format | None = None
    options: SinkOptions = field(default_factory=SinkOptions)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = field(default_factory=SystemClock)
    bundles: Bundles = field(default_factory=Bundles)
    wakeup: Wakeup = field(default_factory=Wakeup)
    notifier: Notifier = field(default_factory=lambda: Notifier(os.environ, monotonic))
    board: Board = field(default_factory=Board)
    # One for all: two that write to it would not know of each other.
    _stdout: Stdout | None = None

    def prepare(self, configuration: Configuration, one: InputSettings) -> Prepared:
        """Raises UserError for whatever is wrong, before anything is begun."""
        keys, once = one.keys, self.once
        check_values(one)
        load = self.bundles.loader(None if keys.verify is None else Path(keys.verify))
        given = None if keys.bundle is None else Path(keys.bundle)
        bundle = bundle_of(given, load)
        if once and one.origins["alerts_per_day"].source is Source.option:
            raise UserError(f"{one.called('alerts_per_day')} and --once: leave out one of them")
        old_logs = found(keys.history, one.called("history"))
        places = Places.of(keys.paths)
        selection = None
        if places.files:
            selection = Selection(places.files, keys.include, keys.exclude)
            # One that comes or may be read later is waited for, but not by what reads and ends.
            if once and not any(map(_may_read, selection.discover())):
                raise UserError(f"{', '.join(places.files)}: no log file there that could be read")
            selection.check(keys.encoding)
        folder: Path | None = configuration.state_folder(one)
        # Nothing of stdin can be found again.
        if (once or places.stdin) and configuration.origins["state_dir"].source <= Source.file:
            folder = None
        judging = Judging(
            rule=self._rule(one),
            threshold=keys.threshold,
            alerts_per_day=None if once else keys.alerts_per_day,
            warm_up=seconds_of(one, "warmup"),
            learning=not (keys.frozen or once),
            line_time_is_clock=once,
            keep_lines=keys.raw_lines,
            provider=keys.provider,
            now=self.clock.wall,
        )
        # The rule is asked for by the bundle, and may not go with it.
        judging.rule(bundle)
        return Prepared(
            one, folder, bundle, load, judging,
            policy_of(one, once=once), masker_of(one), places, selection, old_logs,
            self._sinks(configuration, one),
        )  # fmt: skip

    def start(self, prepared: Prepared, couriers: Mapping[str, Courier] | None = None) -> Watching:
        """Take its state and begin. Raises UserError. couriers: of whoever was there before."""
        with speaking_of(prepared.name):
            return self._start(prepared, couriers or {})

    def _start(self, prepared: Prepared, couriers: Mapping[str, Courier]) -> Watching:
        keys, once = prepared.settings.keys, self.once
        bundle, judging = prepared.bundle, prepared.judging
        state = None if prepared.folder is None else State(prepared.folder)
        try:
            saved = Saved() if state is None else state.saved
            known = Knowledge.of(saved, bundle)
            if not judging.learning:
                known = replace(known, epoch=None, tuning={})
            if prepared.old_logs and known.warmed_up:
                log.info("old logs are not read: what is usual here is in the state already")
            elif prepared.old_logs:
                unwrap = wrapping_for(Wrapping(keys.unwrap), bundle.manifest.line_format)
                known = learn(prepared.old_logs, bundle, judging, known, unwrap)
            detector = judging.detector(bundle, known)
            if once and detector.knows_nothing:
                log.warning("%s", knows_nothing(bundle))
            streams = self._streams(prepared, saved)
            sinks = [sink for sink, _ in prepared.sinks]
            if state is not None:
                _restore_firing(
                    [sink for sink in sinks if sink.name not in couriers], state, self.clock
                )
        except BaseException:
            if state is not None:
                state.close()
            raise
        reporter = Reporter(bundle=bundle, threshold=detector.threshold, secrets=prepared.secrets)
        place = place_of(None if keys.bundle is None else Path(keys.bundle))
        watching = Watching(
            bundle=bundle, detector=detector, streams=streams, sinks=sinks, state=state,
            clock=self.clock, reporter=reporter,
            quiet=Quiet(prepared.policy, reporter, saved.groups, saved.age),
            once=once, when_over=keys.when_over, about={
                "version": version("metalog"),
                "paths": prepared.places.names,
                "bundle": bundle.manifest.name,
            },
            bundles=None if once else BundleWatch(place, bundle, prepared.load, self.clock),
            judging=judging, couriers=couriers, alive=self._alive,
        )  # fmt: skip
        for sink in sinks:
            if sink.name in couriers:
                sink.close()
        log.info(
            "bundle %s, threshold %g, sessions %s",
            bundle.manifest.name, detector.threshold, _say(detector.rule),
        )  # fmt: skip
        if detector.warm_up is not None:
            log.info(
                "learning what is usual here, for %g s or %d sessions; until then only what is "
                "beyond doubt is told of", detector.warm_up.seconds, detector.warm_up.sessions,
            )  # fmt: skip
        return watching

    def _streams(self, prepared: Prepared, saved: Saved) -> Streams:
        keys, once, places = prepared.settings.keys, self.once, prepared.places
        line_format = prepared.bundle.manifest.line_format
        unwrap = wrapping_for(Wrapping(keys.unwrap), line_format)
        follower = None
        if prepared.selection is not None:
            follower = Follower(
                prepared.selection,
                start="beginning" if keys.from_beginning or once else "end",
                positions=saved.positions,
                first_run=saved.saved_wall is None,
                encoding=keys.encoding,
                multiline_start=keys.multiline_start,
                clock=self.clock,
                wakeup=self.wakeup,
                unwrap=unwrap,
            )
        others = places.streams(
            wakeup=self.wakeup, clock=self.clock, encoding=keys.encoding,
            multiline_start=keys.multiline_start, unwrap=unwrap,
            from_beginning=keys.from_beginning, once=once, cursor=saved.journal,
            journal_as=JournalAs(keys.journal_as), line_format=line_format,
        )  # fmt: skip
        return Streams(follower, others, wakeup=self.wakeup, once=once)

    def _alive(self) -> None:
        self.notifier.alive()
        self.board.beat()

    def sink(self, settings: SinkSettings) -> Sink:
        """By itself, for no input. Raises UserError."""
        plan = plan_of(settings, self.environment)
        return plan.sink(self.clock, resolves=False, labels={})

    def _rule(self, one: InputSettings) -> Callable[[Bundle], SessionRule]:
        def rule_of(bundle: Bundle) -> SessionRule:
            rule = rule_for(one, bundle.manifest.rule)
            if rule.idle is None and not self.once:
                rule = rule.overridden(idle=bundle.manifest.live_idle)
            return rule

        return rule_of

    def _sinks(
        self, configuration: Configuration, one: InputSettings
    ) -> list[tuple[Sink, SinkPlan | None]]:
        resolves = one.keys.grouping and not self.once
        chosen = sinks_of(configuration, one)
        if self.options.any or (not chosen and one.keys.send_to is None):
            made = self.options.sinks(self.clock, resolves=resolves)
            stdout = self._one_stdout(Stdout(form=self.form or Format.json))
            return [(stdout, None), *((sink, None) for sink in made)]
        labels = {"input": one.name} if one.name else {}
        plans = [plan_of(sink, self.environment) for sink in chosen]
        sinks: list[tuple[Sink, SinkPlan | None]] = []
        for plan in plans:
            sink = plan.sink(self.clock, resolves=resolves, labels=labels, form=self.form)
            sinks.append((self._one_stdout(sink) if isinstance(sink, Stdout) else sink, plan))
        return sinks

    def _one_stdout(self, stdout: Stdout) -> Stdout:
        if self._stdout is None or not self._stdout.is_like(stdout):
            self._stdout = stdout
        return self._stdout


def sinks_of(configuration: Configuration, one: InputSettings) -> list[SinkSettings]:
    """Those of the configuration that this input sends to."""
    names = one.keys.send_to
    if names is None:
        return list(configuration.sinks.values())
    return [configuration.sinks[name] for name in dict.fromkeys(names)]


def check(configuration: Configuration, *, syntax: bool = False) -> None:
    """Raises UserError for what ``watch`` would refuse. syntax: without a look at what the
    configuration names, which may be on another host."""
    assembly = Assembly()
    for sink in configuration.sinks.values():
        check_sink(sink)
        if not syntax:
            assembly.sink(sink).close()
    for one in configuration.inputs:
        check_values(one)
        if not syntax:
            prepared = assembly.prepare(configuration, one)
            prepared.try_out()
            prepared.drop()


def _restore_firing(sinks: list[Sink], state: State, clock: Clock) -> None:
    """Tell those sinks that have to know what fired when the last run ended."""
    if not all(isinstance(sink, Stdout | AlertFile) for sink in sinks):
        from agent.sinks.remote import restore_firing

        restore_firing(sinks, state, clock)


def _say(rule: SessionRule) -> str:
    kind = (
        f"by key {rule.key_regex}"
        if rule.key_regex
        else f"of {rule.window} lines"
        if rule.window
        else f"of {rule.seconds:g} s"
    )
    idle = "" if rule.idle is None else f", over after {rule.idle:g} s without a line"
    return kind + idle


def _may_read(file: Path) -> bool:
    return os.access(file, os.R_OK, effective_ids=os.access in os.supports_effective_ids)
