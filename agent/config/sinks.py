"""Sinks of a configuration, with the secrets that it only names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent.clock import Clock
from agent.config.configuration import SinkSettings
from agent.config.model import (
    FileSink,
    RemoteSink,
    Sink,
    StdoutSink,
    WebhookSink,
)
from agent.sinks import Sink as RunningSink
from agent.sinks.file import AlertFile
from agent.sinks.secret_file import read_secret
from agent.sinks.signature import Signer
from agent.sinks.stdout import Format, Stdout
from models.errors import UserError


@dataclass(frozen=True)
class SinkPlan:
    """A sink with all that is needed to make it; two that are equal make the same one.

    name: as the state and people know it; said: what its table is called. Of the rest nothing is
    ever shown.
    """

    name: str
    keys: Sink
    said: str = field(compare=False)
    url: str | None = field(default=None, repr=False)
    url_said: str = field(default="", compare=False)
    secret: str | None = field(default=None, repr=False)
    headers: tuple[str, ...] = field(default=(), repr=False)

    def sink(
        self,
        clock: Clock,
        *,
        resolves: bool,
        labels: Mapping[str, str],
        form: Format | None = None,
    ) -> RunningSink:
        """Raises UserError for what cannot be used. resolves, labels: see ``Alertmanager``; form:
        of stdout, in the place of its own."""
        keys = self.keys
        if isinstance(keys, StdoutSink):
            return Stdout(form=form or Format(keys.format), name=self.name)
        if isinstance(keys, FileSink):
            return AlertFile(Path(keys.path).expanduser(), name=self.name)
        # Takes 12 MiB: imported only where there is such a sink.
        from agent.sinks.remote import remote_sink

        return remote_sink(
            kind=str(type(keys).__struct_config__.tag), name=self.name, url=self.url or "",
            said=self.url_said, headers=self.headers, headers_said=f"{self.said}.headers",
            signer=None if self.secret is None else Signer.of(self.secret, self.said),
            authority=None if keys.ca is None else Path(keys.ca).expanduser(),
            authority_said=f"{self.said}.ca",
            clock=clock, resolves=resolves, labels=labels,
        )  # fmt: skip


def plan_of(one: SinkSettings, environment: Mapping[str, str]) -> SinkPlan:
    """Reads what the sink names. Raises UserError, without showing a secret."""
    said = one.origins["type"].said.removesuffix(".type")
    name = f"{one.kind} {one.name}"
    keys = one.keys
    if not isinstance(keys, RemoteSink):
        return SinkPlan(name, keys, said)
    secrets = _Secrets(one, environment)
    url, url_said = secrets.of("url", required=True)
    if not isinstance(keys, WebhookSink):
        return SinkPlan(name, keys, said, url, url_said)
    secret, _ = secrets.of("secret", required=False)
    headers = [f"{header}: {value}" for header, value in keys.headers.items()]
    for header, variable in keys.headers_env.items():
        headers.append(f"{header}: {secrets.variable(variable, 'headers_env')}")
    for header, file in keys.headers_file.items():
        headers.append(f"{header}: {secrets.file(file, 'headers_file')}")
    return SinkPlan(name, keys, said, url, url_said, secret, tuple(headers))


class _Secrets:
    def __init__(self, one: SinkSettings, environment: Mapping[str, str]) -> None:
        self._one = one
        self._environment = environment

    def of(self, what: str, *, required: bool) -> tuple[str | None, str]:
        """From the one key that says it: itself, ..._env or ..._file; and what that is called."""
        way = self.way(what, required=required)
        if way is None:
            return None, ""
        value = str(getattr(self._one.keys, way))
        if way.endswith("_env"):
            return self.variable(value, way), f"${value}"
        if way.endswith("_file"):
            return self.file(value, way), value
        return value, self._one.origins[way].said

    def way(self, what: str, *, required: bool) -> str | None:
        """Which key it is."""
        keys = self._one.keys
        ways = [way for way in (what, f"{what}_env", f"{what}_file") if hasattr(keys, way)]
        given = [way for way in ways if getattr(keys, way) is not None]
        place = self._one.origins["type"].said.removesuffix(".type")
        if len(given) > 1:
            raise UserError(f"{place}: {' and '.join(given)}: leave out all but one of them")
        if required and not given:
            raise UserError(f"{place}: has no address; give {' or '.join(ways)}")
        return given[0] if given else None

    def variable(self, name: str, key: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value:
            raise UserError(f"{self._one.origins[key].said}: ${name} is not set, or empty")
        return value

    def file(self, name: str, key: str) -> str:
        try:
            return read_secret(Path(name).expanduser())
        except UserError as error:
            raise UserError(f"{self._one.origins[key].said}: {error}") from None


def check_sink(one: SinkSettings) -> None:
    """What can be said without a look at what it names. Raises UserError."""
    if isinstance(one.keys, RemoteSink):
        secrets = _Secrets(one, {})
        secrets.way("url", required=True)
        if isinstance(one.keys, WebhookSink):
            secrets.way("secret", required=False)
