"""``metalog-agent watch``: follow files and alert."""

import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from agent.alerts import parse_masks
from agent.assembly import Assembly, Outline
from agent.collector import settle_collector
from agent.commands.config_option import ConfigOption
from agent.commands.input_options import (
    JournalAsOption,
    JournalOption,
    UnitOption,
    UnwrapOption,
    with_journal,
)
from agent.commands.judging_options import (
    AlertsPerDayOption,
    BundleOption,
    EndOption,
    HistoryOption,
    KeyOption,
    ProviderOption,
    ThresholdOption,
    VerifyOption,
    WarmUpOption,
    WindowOption,
)
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
from agent.config import DEFAULT_FILE, Configuration, Source, configured, file_to_read
from agent.config.rendering import shown
from agent.logs import LogFormat, LogLevel, configure_logging, speaking_of
from agent.metrics.address import parse_address
from agent.metrics.endpoint import Endpoint
from agent.reloading import Reloading
from agent.rounds import Rounds
from agent.sinks.stdout import Format
from agent.watching import Watching
from models.errors import UserError

log = logging.getLogger("metalog")


def watch(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH...|-]",
            help="Folders, files or globs (with **), or - for stdin, in the place of the inputs of "
            f"the configuration.  [default: those of {DEFAULT_FILE}]",
        ),
    ] = None,
    journal: JournalOption = False,
    unit: UnitOption = None,
    journal_as: JournalAsOption = None,
    unwrap: UnwrapOption = None,
    config: ConfigOption = None,
    bundle: BundleOption = None,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Of stdout: JSON lines, or for a person at a terminal.  [default: json]",
        ),
    ] = None,
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
    encoding: Annotated[str | None, typer.Option(help="Of the files.  [default: utf-8]")] = None,
    multiline_start: Annotated[
        str | None, typer.Option(help="A record begins with a line that matches; others join it.")
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where offsets, open sessions and unsent alerts are kept; of a configuration's "
            "inputs each in a folder of its name.  [default: one for these paths under the user's "
            "state folder; with --once none]",
        ),
    ] = None,
    verify: VerifyOption = None,
    alerts_per_day: AlertsPerDayOption = None,
    warm_up: WarmUpOption = None,
    history: HistoryOption = None,
    frozen: Annotated[
        bool,
        typer.Option("--frozen", help="Keep the bundle's statistics; --once always does."),
    ] = False,
    group_wait: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="From a first session to its alert.  [default: 10s]"),
    ] = None,
    repeat_interval: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Between two alerts of one kind.  [default: 4h]"),
    ] = None,
    resolve_after: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Resolved when no session came for so long.  [default: 15m]"
        ),
    ] = None,
    max_alerts_per_hour: Annotated[
        int | None,
        typer.Option(min=0, help="Of more, one alert says how many; 0: no bound.  [default: 60]"),
    ] = None,
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
    provider: ProviderOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="On stderr, problems only.")] = False,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(
            help="Of stderr; auto: logfmt on a terminal, JSON in a systemd service, else text.  "
            "[default: auto]"
        ),
    ] = None,
    log_level: Annotated[
        LogLevel | None, typer.Option(help="Of stderr: this and worse.  [default: info]")
    ] = None,
    metrics_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve /metrics, /livez and /readyz here; off: nowhere.  "
            "[default: 127.0.0.1:9464]",
        ),
    ] = None,
    show_config: Annotated[bool, typer.Option("--show-config", hidden=True)] = False,
) -> None:
    """Follow files, the journal or stdin, score sessions as they happen, write alerts to stdout as
    JSON lines.

    Options hold for all inputs of a configuration; those that name sinks take the place of its
    sinks. They are stronger than variables (METALOG_...), and those than the file: see
    docs/configuration.md.
    """
    named_paths = with_journal(paths or (), journal, unit or ())
    file = file_to_read(config, otherwise=not named_paths)
    parse_masks(mask or ())
    options = {
        "bundle": _text(bundle), "verify": _text(verify), "state_dir": _text(state_dir),
        "threshold": threshold, "alerts_per_day": alerts_per_day, "warmup": warm_up,
        "history": history or None, "frozen": frozen or None,
        "provider": provider and provider.value, "unwrap": unwrap and unwrap.value,
        "journal_as": journal_as and journal_as.value,
        "key_regex": key_regex, "window": window, "idle": idle, "end_regex": end_regex,
        "include": include or None, "exclude": exclude or None, "encoding": encoding,
        "multiline_start": multiline_start, "from_beginning": from_beginning or None,
        "when_over": when_over or None, "grouping": False if no_grouping else None,
        "group_wait": group_wait, "repeat_interval": repeat_interval,
        "resolve_after": resolve_after, "max_alerts_per_hour": max_alerts_per_hour,
        "mask": mask or None, "raw_lines": False if no_raw else None, "quiet": quiet or None,
        "log_format": log_format and log_format.value, "log_level": log_level and log_level.value,
        "metrics_address": metrics_address,
    }  # fmt: skip

    def read() -> Configuration:
        return configured(file=file, paths=named_paths, options=options)

    configuration = read()
    if show_config:
        for line in shown(configuration):
            print(line)
        return
    if not configuration.inputs:
        raise UserError(
            f"{file}: there is no input in it"
            if file is not None
            else "nothing to follow: give a PATH, - (stdin) or --journal, or write "
            f"{DEFAULT_FILE}; `metalog-agent config init` prints one to begin with"
        )
    _configure_logging(configuration)
    for warning in configuration.warnings:
        log.warning("%s", warning)
    named = SinkOptions(
        webhook or [], webhook_secret_file, webhook_header or [], webhook_ca,
        alertmanager or [], slack, alert_file or [],
    )  # fmt: skip
    kinds = {one.kind for one in configuration.sinks.values()}
    if form is not None and kinds and "stdout" not in kinds and not named.any:
        raise UserError(f"--format: alerts go to the sinks of {file}, and none is stdout")
    assembly = Assembly(once=once, form=form, options=named)
    endpoint = Endpoint(assembly.board)

    def apply(found: Configuration) -> None:
        _configure_logging(found)
        # What reads old logs and ends must not take the place of what watches.
        if not once or found.origins["metrics_address"].source is Source.option:
            endpoint.listen(parse_address(found.agent.metrics_address))

    prepared = {one.name: assembly.prepare(configuration, one) for one in configuration.inputs}
    outlines = {name: one.outline() for name, one in prepared.items()}
    apply(configuration)
    rounds = Rounds({}, assembly.wakeup, assembly.notifier, assembly.board)
    if file is not None and not once:
        # Without a file a hangup is what it always was: the end.
        rounds.reload = Reloading(assembly, read, configuration, outlines, apply)
        _on(signal.SIGHUP, rounds.hang_up)
    for name in list(prepared):
        rounds.inputs[name] = assembly.start(prepared.pop(name))
    assembly.bundles.forget()
    _stop_on_signals(rounds)
    settle_collector()
    rounds.run()
    _end(rounds, outlines)


def _configure_logging(configuration: Configuration) -> None:
    agent = configuration.agent
    configure_logging(LogFormat(agent.log_format), LogLevel(agent.log_level), quiet=agent.quiet)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _stop_on_signals(rounds: Rounds) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        # The first one ends it cleanly; whoever sends a second one does not want to wait.
        _on(number, rounds.stop, only_once=True)


def _on(number: signal.Signals, action: Callable[[], None], *, only_once: bool = False) -> None:
    def handle(_: int, frame: FrameType | None) -> None:
        # Nothing is logged here: it may come in the middle of a line that is being logged.
        if only_once:
            signal.signal(number, signal.SIG_DFL)
        action()

    with suppress(ValueError):
        signal.signal(number, handle)


def _end(rounds: Rounds, outlines: Mapping[str, Outline]) -> None:
    for name, one in rounds.inputs.items():
        with speaking_of(name):
            _sum_up(one)
    undelivered = {name: one.undelivered for name, one in rounds.inputs.items() if one.undelivered}
    for name, count in undelivered.items():
        folder = outlines[name].folder
        kept = f"kept in {folder} for the next start" if folder else "lost"
        with speaking_of(name):
            log.error("%d alerts could not be delivered; %s", count, kept)
    if undelivered:
        if any(one.hung for one in rounds.inputs.values()):
            # A thread that waits for the reader of our stdout would keep the process for ever.
            logging.shutdown()
            os._exit(1)
        raise typer.Exit(1)


def _sum_up(watching: Watching) -> None:
    detector = watching.detector
    counts = {
        "lines": detector.lines_read,
        "without_session": detector.lines_without_session,
        "odd_format": detector.lines_of_odd_format,
        "alerts": watching.raised,
    }
    log.info(
        "%d lines read, %d without a session, %d of an odd format, %d alerts",
        *counts.values(),
        extra={"fields": counts},
    )
