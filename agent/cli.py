"""``metalog-agent``: the command line."""

import logging
import math
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from agent.alerts import Policy, Quiet, Reporter, parse_masks, secrets_masker
from agent.budget import check_per_day
from agent.bundle_watch import BundleWatch
from agent.clock import SystemClock
from agent.collector import settle_collector
from agent.commands.input_options import (
    InputOptions,
    JournalAs,
    JournalAsOption,
    JournalOption,
    UnitOption,
    UnwrapOption,
)
from agent.commands.judging_options import (
    AlertsPerDayOption,
    BundleOption,
    EndOption,
    HistoryOption,
    KeyOption,
    Provider,
    ProviderOption,
    ThresholdOption,
    VerifyOption,
    WarmUpOption,
    WindowOption,
    bundle_of,
    knows_nothing,
    place_of,
    rule_of,
    threshold_of,
)
from agent.commands.label import label
from agent.commands.score import score
from agent.commands.send_test_alert import send_test_alert
from agent.commands.silence import silence
from agent.commands.sink_options import (
    AlertFileOption,
    AlertmanagerOption,
    AuthorityOption,
    SinkOptions,
    SlackOption,
    WebhookHeaderOption,
    WebhookOption,
    WebhookSecretOption,
)
from agent.commands.status import status
from agent.durations import parse_duration
from agent.follow import Follower, Selection, Wakeup, Wrapping
from agent.judging import Judging, Knowledge
from agent.notify import Notifier
from agent.old_logs import found, learn
from agent.sinks import Sink
from agent.sinks.stdout import Format, Stdout
from agent.state import Saved, State
from agent.streams import Streams
from agent.watching import Watching
from models.bundle import Bundle
from models.errors import UserError
from models.session_rule import SessionRule
from models.signing import VerifyingKey

app = typer.Typer(
    help="Watch log files and raise alerts on sessions that are not as they should be.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Rich would take "[default: ...]" in a help text for markup and swallow it.
    rich_markup_mode=None,
    add_completion=False,
)
app.command()(score)
app.command()(status)
app.command()(silence)
app.command()(label)
app.command()(send_test_alert)
log = logging.getLogger("metalog")


def main() -> None:
    """Entry point. What a user can mend ends in one line on stderr and exit code 2."""
    os.umask(0o027)
    try:
        app()
    except UserError as error:
        print(f"metalog-agent: {error}", file=sys.stderr)
        sys.exit(2)


@app.command()
def watch(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH...|-]", help="Folders, files or globs (with **); - is stdin."
        ),
    ] = None,
    journal: JournalOption = False,
    unit: UnitOption = None,
    journal_as: JournalAsOption = JournalAs.auto,
    unwrap: UnwrapOption = Wrapping.auto,
    bundle: BundleOption = None,
    form: Annotated[
        Format,
        typer.Option("--format", help="Of stdout: JSON lines, or for a person at a terminal."),
    ] = Format.json,
    webhook: WebhookOption = None,
    webhook_secret_file: WebhookSecretOption = None,
    webhook_header: WebhookHeaderOption = None,
    webhook_ca: AuthorityOption = None,
    alertmanager: AlertmanagerOption = None,
    slack: SlackOption = None,
    alert_file: AlertFileOption = None,
    from_beginning: Annotated[
        bool,
        typer.Option("--from-beginning", help="First run: read what is there, not only new lines."),
    ] = False,
    once: Annotated[
        bool,
        typer.Option("--once", help="Read what is there from the beginning, score it, exit."),
    ] = False,
    threshold: ThresholdOption = None,
    key_regex: KeyOption = None,
    window: WindowOption = None,
    idle: Annotated[
        float | None,
        typer.Option(
            help="A session is over after so many seconds without a line.  [default: learnt from "
            "the target's logs; with --once never]"
        ),
    ] = None,
    end_regex: EndOption = None,
    include: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="In folders, only these names.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="In folders, not these names.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of the files.")] = "utf-8",
    multiline_start: Annotated[
        str | None, typer.Option(help="A record begins with a line that matches; others join it.")
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where offsets, open sessions and unsent alerts are kept.  [default: one for "
            "these paths under the user's state folder; with --once none]",
        ),
    ] = None,
    verify: VerifyOption = None,
    alerts_per_day: AlertsPerDayOption = None,
    warm_up: WarmUpOption = "1h",
    history: HistoryOption = None,
    frozen: Annotated[
        bool,
        typer.Option("--frozen", help="Keep the bundle's statistics; --once always does."),
    ] = False,
    group_wait: Annotated[
        str, typer.Option(metavar="DURATION", help="From a first session to its alert.")
    ] = "10s",
    repeat_interval: Annotated[
        str, typer.Option(metavar="DURATION", help="Between two alerts of one kind.")
    ] = "4h",
    resolve_after: Annotated[
        str, typer.Option(metavar="DURATION", help="Resolved when no session came for so long.")
    ] = "15m",
    max_alerts_per_hour: Annotated[
        int, typer.Option(min=0, help="Of more, one alert says how many; 0: no bound.")
    ] = 60,
    no_grouping: Annotated[
        bool,
        typer.Option("--no-grouping", help="An alert for each anomalous session, at once."),
    ] = False,
    when_over: Annotated[
        bool,
        typer.Option(
            "--when-over",
            help="Alert when a session is over, not as soon as it is anomalous however it ends.",
        ),
    ] = False,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=REGEX", help="Secrets in raw lines, beside the usual ones."),
    ] = None,
    no_raw: Annotated[
        bool, typer.Option("--no-raw", help="Keep no raw lines, and send none.")
    ] = False,
    provider: ProviderOption = Provider.auto,
    quiet: Annotated[bool, typer.Option("--quiet", help="On stderr, problems only.")] = False,
) -> None:
    """Follow files, the journal or stdin, score sessions as they happen, write alerts to stdout as
    JSON lines."""
    logging.basicConfig(
        format="metalog-agent: %(message)s", level=logging.WARNING if quiet else logging.INFO
    )
    inputs = InputOptions(paths or [], journal, unit or [], journal_as)
    policy = _policy(
        not no_grouping, group_wait, repeat_interval, resolve_after, max_alerts_per_hour, once
    )
    secrets = secrets_masker(parse_masks(mask or ()))
    load = partial(Bundle.load, key=None if verify is None else VerifyingKey(verify))
    loaded = bundle_of(bundle, load)
    if alerts_per_day is not None and (once or threshold is not None):
        other = "--once" if once else "--threshold"
        raise UserError(f"--alerts-per-day and {other}: leave out one of them")

    def live_rule(some: Bundle) -> SessionRule:
        rule = rule_of(some, key_regex, window, idle, end_regex)
        if rule.idle is None and not once:
            rule = rule.overridden(idle=some.manifest.live_idle)
        return rule

    old_logs = found(history or ())
    selection = Selection(inputs.files, include or (), exclude or ()) if inputs.files else None
    if once and selection is not None and not selection.discover():
        raise UserError(f"{', '.join(inputs.files)}: no log file there that could be read")
    clock = SystemClock()
    options = SinkOptions(
        webhook or [], webhook_secret_file, webhook_header or [], webhook_ca,
        alertmanager or [], slack, alert_file or [],
    )  # fmt: skip
    sinks: list[Sink] = [
        Stdout(form=form),
        *options.sinks(clock, resolves=not (no_grouping or once)),
    ]
    folder = state_dir or (None if once else inputs.state_folder)
    state = None if folder is None else State(folder)
    saved = Saved() if state is None else state.saved
    judging = Judging(
        rule=live_rule,
        threshold=None if threshold is None else threshold_of(loaded, threshold),
        alerts_per_day=None if alerts_per_day is None else check_per_day(alerts_per_day),
        warm_up=parse_duration(warm_up, "--warmup"),
        learning=not (frozen or once),
        line_time_is_clock=once,
        keep_lines=not no_raw,
        provider=provider.value,
        now=clock.wall,
    )
    known = Knowledge.of(saved, loaded)
    if not judging.learning:
        known = replace(known, epoch=None, tuning={})
    if old_logs and known.warmed_up:
        log.info("old logs are not read: what is usual here is in the state already")
    elif old_logs:
        known = learn(old_logs, loaded, judging, known)
    detector = judging.detector(loaded, known)
    if once and detector.knows_nothing:
        log.warning("%s", knows_nothing(loaded))
    reporter = Reporter(bundle=loaded, threshold=detector.threshold, secrets=secrets)
    wakeup = Wakeup()
    unwrap = _suiting(unwrap, loaded)
    follower = None
    if selection is not None:
        follower = Follower(
            selection,
            start="beginning" if from_beginning or once else "end",
            positions=saved.positions,
            first_run=saved.saved_wall is None,
            encoding=encoding,
            multiline_start=multiline_start,
            clock=clock,
            wakeup=wakeup,
            unwrap=unwrap,
        )
        selection.check(encoding)
    others = inputs.streams(
        wakeup=wakeup, clock=clock, encoding=encoding, multiline_start=multiline_start,
        unwrap=unwrap, from_beginning=from_beginning, once=once, cursor=saved.journal,
        line_format=loaded.manifest.line_format,
    )  # fmt: skip
    if state is not None:
        options.restore_firing(sinks, state, clock)
    watching = Watching(
        bundle=loaded, detector=detector, sinks=sinks, state=state, clock=clock,
        streams=Streams(follower, others, wakeup=wakeup, once=once),
        reporter=reporter, quiet=Quiet(policy, reporter, saved.groups, saved.age),
        once=once, when_over=when_over, about={
            "version": version("metalog"), "paths": inputs.names,
            "bundle": loaded.manifest.name,
        },
        bundles=None if once else BundleWatch(place_of(bundle), loaded, load, clock),
        judging=judging, notifier=Notifier(os.environ, clock.monotonic),
    )  # fmt: skip
    _stop_on_signals(watching)
    log.info(
        "bundle %s, threshold %g, sessions %s",
        loaded.manifest.name, detector.threshold, _say(detector.rule),
    )  # fmt: skip
    if detector.warm_up is not None:
        log.info(
            "learning what is usual here, for %g s or %d sessions; until then only what is beyond "
            "doubt is told of", detector.warm_up.seconds, detector.warm_up.sessions,
        )  # fmt: skip
    settle_collector()
    watching.run()
    if state is not None:
        state.close()
    _sum_up(watching)
    if watching.undelivered:
        kept = f"kept in {state.path.parent} for the next start" if state else "lost"
        log.error("%d alerts could not be delivered; %s", watching.undelivered, kept)
        if watching.hung:
            # A thread that waits for the reader of our stdout would keep the process for ever.
            logging.shutdown()
            os._exit(1)
        raise typer.Exit(1)


def _suiting(unwrap: Wrapping, bundle: Bundle) -> Wrapping:
    # A bundle of JSON lines reads those of Docker as they are, with their time.
    reads_json = bundle.manifest.line_format.kind == "json"
    return Wrapping.cri if unwrap is Wrapping.auto and reads_json else unwrap


def _policy(
    group: bool, wait: str, repeat: str, resolve: str, most_an_hour: int, once: bool
) -> Policy:
    seconds = (
        parse_duration(wait, "--group-wait"),
        parse_duration(repeat, "--repeat-interval"),
        parse_duration(resolve, "--resolve-after"),
    )
    if not all(seconds[1:]):
        raise UserError("--repeat-interval and --resolve-after must be longer than 0")
    if once:
        # Everything is there to be read: what belongs together is told of together, at the end.
        seconds = (math.inf, math.inf, math.inf)
    return Policy(group, *seconds, most_an_hour)


def _stop_on_signals(watching: Watching) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        # The first one ends it cleanly; whoever sends a second one does not want to wait.
        # Nothing is logged here: it may come in the middle of a line that is being logged.
        signal.signal(number, signal.SIG_DFL)
        watching.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):
            signal.signal(number, stop)


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


def _sum_up(watching: Watching) -> None:
    detector = watching.detector
    log.info(
        "%d lines read, %d without a session, %d of an odd format, %d alerts",
        detector.lines_read,
        detector.lines_without_session,
        detector.lines_of_odd_format,
        watching.raised,
    )
