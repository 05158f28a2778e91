"""What may stand in a configuration: every key with its type, default, meaning and an example.

All else is made of it: checks, environment variables, the commented file, the JSON Schema and the
table in docs/configuration.md. A key is called as the option of ``watch`` that says the same.

msgspec and not pydantic-settings: that takes 12 MiB and 160 ms to import, in an agent whose goal is
90 MiB; msgspec takes 1 MiB and 8 ms (python -m benchmarks.configuration).
"""

from typing import Annotated, Any, Literal

import msgspec

# Seconds, or as people write them: agent/durations.py.
Duration = float | str
Size = Annotated[int, msgspec.Meta(ge=1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"
Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]


def _key(description: str, example: Any, default: str = "") -> msgspec.Meta:
    """default: in words, where the value of the field says nothing."""
    extra = {"default": default} if default else None
    return msgspec.Meta(description=description, examples=[example], extra=extra)


class Shared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of an input. At the top of the file they hold for all inputs that say nothing else."""

    include: Annotated[list[Text], _key("In folders, only these names (globs).", ["*.log"])] = []
    exclude: Annotated[list[Text], _key("In folders, not these names.", ["debug.log"])] = []
    encoding: Annotated[Text, _key("Of the files.", "latin-1")] = "utf-8"
    multiline_start: Annotated[
        Text | None,
        _key("A record begins with a line that matches; others join it.", r"^\d{4}-", "none"),
    ] = None
    unwrap: Annotated[
        Literal["auto", "cri", "docker", "none"],
        _key("Take off what a container runtime writes around lines.", "cri"),
    ] = "auto"
    journal_as: Annotated[
        Literal["auto", "message", "syslog"],
        _key("A line of the journal: the message alone, or as syslog writes it.", "syslog"),
    ] = "auto"
    from_beginning: Annotated[
        bool, _key("First run: read what is there, not only new lines.", True)
    ] = False
    bundle: Annotated[
        Text | None,
        _key("What `metalog-train export` wrote.", "/etc/metalog/bundle", "the shipped one"),
    ] = None
    verify: Annotated[
        Text | None,
        _key(
            "Take only bundles signed by the owner of this ed25519 public key (PEM).",
            "/etc/metalog/bundle-key.pem", "signatures are not asked for",
        ),
    ] = None  # fmt: skip
    key_regex: Annotated[
        Text | None,
        _key("Sessions by key: a regex with one group.", "(ord-[0-9a-f]{8})", "the bundle's rule"),
    ] = None
    window: Annotated[
        Size | None, _key("Sessions of so many lines a source.", 20, "the bundle's rule")
    ] = None
    idle: Annotated[
        Duration | None,
        _key("A session is over after so long without a line.", "60s", "learnt from the target"),
    ] = None
    end_regex: Annotated[
        Text | None,
        _key("A line that matches ends its session.", "order shipped$", "the bundle's"),
    ] = None
    threshold: Annotated[
        Annotated[float, msgspec.Meta(ge=0, le=1)] | None,
        _key("Anomalous from this score on; 0 alerts on all.", 0.8, "the bundle's, or found here"),
    ] = None
    alerts_per_day: Annotated[
        Annotated[float, msgspec.Meta(ge=0.01)] | None,
        _key("Keep the threshold where about so many sessions a day pass.", 5, "none"),
    ] = None
    warmup: Annotated[
        Duration, _key("Learn what is normal for so long before judging; 0: not at all.", "30m")
    ] = "1h"
    history: Annotated[
        list[Text],
        _key("Old logs to learn from at once: files, .gz, globs.", ["/var/log/old/*.gz"]),
    ] = []
    frozen: Annotated[bool, _key("Keep the bundle's statistics.", True)] = False
    when_over: Annotated[
        bool, _key("Alert when a session is over, not as soon as it is anomalous.", True)
    ] = False
    provider: Annotated[Literal["auto", "cpu", "cuda"], _key("Where the network runs.", "cpu")] = (
        "auto"
    )
    grouping: Annotated[bool, _key("Anomalous sessions of one kind are one alert.", False)] = True
    group_wait: Annotated[Duration, _key("From a first session to its alert.", "30s")] = "10s"
    repeat_interval: Annotated[Duration, _key("Between two alerts of one kind.", "1d")] = "4h"
    resolve_after: Annotated[Duration, _key("Resolved when no session came for so long.", "1h")] = (
        "15m"
    )
    max_alerts_per_hour: Annotated[
        Annotated[int, msgspec.Meta(ge=0)],
        _key("Of more, one alert says how many; 0: no bound.", 20),
    ] = 60
    raw_lines: Annotated[bool, _key("Keep raw lines of sessions and send some.", False)] = True
    mask: Annotated[
        list[Text],
        _key("NAME=REGEX: secrets in raw lines, beside the usual ones.", ["CARD=[0-9]{16}"]),
    ] = []
    send_to: Annotated[
        list[Name] | None,
        _key("Where alerts go: names of sinks.", ["ops"], "all of the file; without any, stdout"),
    ] = None


class Input(Shared, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Logs that are followed together: one bundle, one rule, one state."""

    paths: Annotated[
        Annotated[list[Text], msgspec.Meta(min_length=1)],
        _key(
            "Folders, files or globs (`**`, too); `journal:` is the journal of systemd, "
            "`journal:ssh.service` what belongs to a unit.",
            ["/var/log"],
        ),
    ]
    state_dir: Annotated[
        Text | None,
        _key(
            "Where offsets, open sessions and unsent alerts are kept.",
            "/var/lib/metalog/other", "its name in the agent's state_dir",
        ),
    ] = None  # fmt: skip


class StdoutSink(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="stdout",
):  # fmt: skip
    """Standard output: JSON lines, or for a person at a terminal."""

    format: Annotated[Literal["json", "pretty"], _key("How alerts look.", "pretty")] = "json"


class FileSink(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="file",
):  # fmt: skip
    """JSON lines, appended to a file."""

    path: Annotated[Text, _key("The file.", "/var/log/metalog/alerts.jsonl")]


class RemoteSink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all sinks reached over HTTP have."""

    url_env: Annotated[
        Text | None, _key("Variable that holds the URL, where it is a secret.", "OPS_URL", "none")
    ] = None
    url_file: Annotated[
        Text | None, _key("File that holds the URL.", "/run/credentials/ops-url", "none")
    ] = None
    ca: Annotated[
        Text | None,
        _key("Certificates (PEM) of authorities to trust, too.", "/etc/ssl/ours.pem", "none"),
    ] = None


class WebhookSink(
    RemoteSink, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="webhook",
):  # fmt: skip
    """POST, as Standard Webhooks 1.0 has it."""

    url: Annotated[Text | None, _key("Its address.", "https://hooks.example/metalog", "none")] = (
        None
    )
    secret_env: Annotated[
        Text | None, _key("Variable that holds the secret (whsec_...).", "OPS_SECRET", "none")
    ] = None
    secret_file: Annotated[
        Text | None, _key("File that holds the secret.", "/run/credentials/ops", "none")
    ] = None
    headers: Annotated[dict[str, str], _key("Sent with each request.", {"X-Team": "shop"})] = {}
    headers_env: Annotated[
        dict[str, Text],
        _key("Headers whose values are in variables.", {"Authorization": "OPS_TOKEN"}),
    ] = {}
    headers_file: Annotated[
        dict[str, Text],
        _key("Headers whose values are in files.", {"Authorization": "/run/credentials/token"}),
    ] = {}


class AlertmanagerSink(
    RemoteSink, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="alertmanager",
):  # fmt: skip
    """A Prometheus Alertmanager, by its API v2."""

    url: Annotated[
        Text | None, _key("Address of its web page.", "http://alertmanager:9093", "none")
    ] = None


class SlackSink(
    RemoteSink, frozen=True, kw_only=True, forbid_unknown_fields=True,
    tag_field="type", tag="slack",
):  # fmt: skip
    """An incoming webhook of Slack or of what speaks its language. Its URL is the secret."""


Sink = StdoutSink | FileSink | WebhookSink | AlertmanagerSink | SlackSink
SINKS: tuple[type[Sink], ...] = (
    StdoutSink, FileSink, WebhookSink, AlertmanagerSink, SlackSink,
)  # fmt: skip


class Agent(Shared, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: keys of the process, shared keys, then tables of inputs and of sinks."""

    state_dir: Annotated[
        Text | None,
        _key(
            "Holds a folder for the state of each input.", "/var/lib/metalog",
            "$STATE_DIRECTORY, else ~/.local/state/metalog",
        ),
    ] = None  # fmt: skip
    quiet: Annotated[bool, _key("On stderr, problems only.", True)] = False
    log_format: Annotated[
        Literal["auto", "text", "logfmt", "json"],
        _key(
            "Of what the agent says on stderr; auto: logfmt on a terminal, JSON in a systemd "
            "service, else text.",
            "json",
        ),
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _key("What the agent says on stderr: this and worse.", "warning"),
    ] = "info"
    metrics_address: Annotated[
        Text,
        _key("HOST:PORT for /metrics, /livez and /readyz, or off.", "0.0.0.0:9464"),
    ] = "127.0.0.1:9464"
    inputs: Annotated[
        dict[Name, Input], msgspec.Meta(description="By name: letters, digits, - and _.")
    ] = {}
    sinks: Annotated[
        dict[Name, Sink], msgspec.Meta(description="By name, for `send_to` of the inputs.")
    ] = {}
