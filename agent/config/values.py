"""What the values of an input mean; each error names the key as whoever set it calls it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from agent.alerts import Policy, parse_masks, secrets_masker
from agent.budget import check_per_day
from agent.config.configuration import InputSettings
from agent.config.layers import Source
from agent.durations import parse_duration
from agent.follow.encoding import Encoding
from agent.follow.records import RecordJoiner
from models.errors import UserError
from models.masks import Masker
from models.session_rule import SessionRule

_ONE_LINE = 4096
# A rule that any bundle might have, to see what the user would put in its place.
_SOME_RULE = SessionRule(window=1)


def seconds_of(one: InputSettings, key: str) -> float:
    """Of a duration, which is a number of seconds or a text. Raises UserError."""
    value = getattr(one.keys, key)
    said = one.called(key)
    if isinstance(value, str):
        return parse_duration(value, said)
    if not 0 <= value < math.inf:
        raise UserError(f"{said} {value:g}: expected seconds, or a duration such as 90s or 15m")
    return float(value)


def rule_for(one: InputSettings, rule: SessionRule) -> SessionRule:
    """A bundle's rule with what the user put in its place. Raises UserError."""
    keys = one.keys
    idle = keys.idle
    if isinstance(idle, str):
        idle = seconds_of(one, "idle")
    with _naming(one, "key_regex"):
        rule = rule.overridden(key_regex=keys.key_regex)
    with _naming(one, "window"):
        rule = rule.overridden(window=keys.window)
    with _naming(one, "idle"):
        rule = rule.overridden(idle=idle)
    with _naming(one, "end_regex"):
        return rule.overridden(end_regex=keys.end_regex)


def policy_of(one: InputSettings, *, once: bool) -> Policy:
    """Raises UserError."""
    names = ("group_wait", "repeat_interval", "resolve_after")
    wait, repeat, resolve = (seconds_of(one, name) for name in names)
    if not (repeat and resolve):
        what = " and ".join(one.called(name) for name in names[1:])
        raise UserError(f"{what} must be longer than 0")
    if once:
        # Everything is there to be read: what belongs together is told of together, at the end.
        wait = repeat = resolve = math.inf
    return Policy(one.keys.grouping, wait, repeat, resolve, one.keys.max_alerts_per_hour)


def masker_of(one: InputSettings) -> Masker:
    """Of secrets in raw lines. Raises UserError."""
    with _naming(one, "mask"):
        return secrets_masker(parse_masks(one.keys.mask, one.called("mask")))


def check_values(one: InputSettings) -> None:
    """What can be said without a look at what the values name. Raises UserError."""
    keys = one.keys
    policy_of(one, once=False)
    masker_of(one)
    seconds_of(one, "warmup")
    rule_for(one, _SOME_RULE)
    if keys.threshold is not None and not 0 <= keys.threshold <= 1:
        said = one.called("threshold")
        raise UserError(f"{said} {keys.threshold}: a score lies between 0 and 1")
    if keys.alerts_per_day is not None:
        check_per_day(keys.alerts_per_day, one.called("alerts_per_day"))
    with _naming(one, "encoding"):
        Encoding.named(keys.encoding)
    if keys.multiline_start is not None:
        with _naming(one, "multiline_start"):
            RecordJoiner(keys.multiline_start, _ONE_LINE)


@contextmanager
def _naming(one: InputSettings, key: str) -> Iterator[None]:
    """Errors of what an option's name stands in, or goes without saying, say which key it is."""
    try:
        yield
    except UserError as error:
        origin = one.origins[key]
        if origin.source is Source.option or str(error).startswith(origin.said):
            raise
        raise UserError(f"{origin.said}: {error}") from None
