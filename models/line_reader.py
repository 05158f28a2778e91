"""From a raw line to all that is read of it: keys, time, source, label and masked message."""

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import compress
from typing import NamedTuple

from models.alike_ids import AlikeIds, IdShape
from models.lines import LineFormat, LineParser, may_be_json
from models.masks import Mask, Masker, key_mask
from models.patterns import PatternTraits, traits_of
from models.quick_masks import (
    MOST_SKELETONS,
    NEVER,
    WORTH_LEARNING,
    IdSpotter,
    QuickMasker,
    common_guards,
    skeletons_of,
)
from models.session_rule import SessionRule
from models.skeletons import Remembered, Skeletons, holds_digit, recalled


class Reading(NamedTuple):
    """One line. keys: of its sessions, see ``Sessionizer.keys``; belongs: some session takes it;
    message: its masked content, "" where it does not belong; fits: it has the format."""

    keys: tuple[str, ...]
    belongs: bool
    time: float | None
    source: str | None
    label: str | None
    message: str
    fits: bool


class Readings(NamedTuple):
    """Lines that sessions take, in columns of one length: no blank one and none without a key where
    keys make sessions. strays: how many had none; unfit: of those taken, how many have another
    format; offsets: empty where they were not given."""

    lines: Sequence[str]
    offsets: Sequence[int]
    keys: Sequence[tuple[str, ...]]
    times: Sequence[float | None]
    sources: Sequence[str | None]
    labels: Sequence[str | None]
    messages: Sequence[str]
    strays: int
    unfit: int


# What a Reading's own constructor does, without a call of Python code for every line.
_reading = partial(tuple.__new__, Reading)


class LineReader:
    """Reads lines by a format, a session rule and masks.

    A line whose skeleton was met before is not taken apart again: where format, key regex and masks
    treat all digits alike, the parts are at the same places. quick: False reads every line step by
    step; the readings are the same. What the rule's key regex finds is masked, also where the masks
    come from a bundle whose sessions had other keys or none.
    """

    def __init__(
        self,
        line_format: LineFormat,
        rule: SessionRule,
        masks: Iterable[Mask],
        now: Callable[[], float] | None = None,
        *,
        quick: bool = True,
        most_skeletons: int = MOST_SKELETONS,
    ) -> None:
        self._parser = LineParser(line_format, now)
        self._find_keys = re.compile(rule.key_regex).findall if rule.key_regex else None
        self._key_spans = re.compile(rule.key_regex).finditer if rule.key_regex else None
        masks = tuple(masks)
        if rule.key_regex is not None and key_mask(rule.key_regex) not in masks:
            masks = (key_mask(rule.key_regex), *masks)
        self._mask: Callable[[str], str] = Masker(masks).mask
        self._shapes: dict[bytes, _Shape | int] = {}
        self._most = most_skeletons
        self._skeletons: Skeletons | None = None
        self._alike_ids: AlikeIds | None = None
        self._required, self._times = "", 0
        if not quick:
            return
        masker = QuickMasker(masks, most_skeletons=most_skeletons)
        self._mask = masker.mask
        self._mask_with_id = partial(masker.mask_seen, with_id=True)
        patterns = [mask.pattern for mask in masks]
        if rule.key_regex is not None:
            patterns.append(rule.key_regex)
            self._required, self._times = traits_of(rule.key_regex).required or ("", 0)
        self._holds_id = IdSpotter(traits_of(pattern) for pattern in patterns).spot
        header = line_format.regex if line_format.kind in ("regex", "any") else None
        self._mixed = line_format.kind == "any"
        self._match = re.compile(header).match if header is not None else None
        # The text of a JSON value is no part of its line.
        if line_format.kind != "json" and masker.guards is not None:
            parts = [PatternTraits(guards=masker.guards)]
            parts += [traits_of(one) for one in (header, rule.key_regex) if one is not None]
            self._skeletons = skeletons_of(common_guards(parts))
        keys_alike = rule.key_regex is None or traits_of(rule.key_regex).ids_alike
        if self._skeletons is not None and masker.alike and keys_alike:
            self._alike_ids = AlikeIds(
                self._skeletons, masker.alike, Masker(masks).mask, most_skeletons
            )

    @property
    def zoned(self) -> bool:
        """Whether the times that were read state their zone."""
        return self._parser.zoned

    def read(self, line: str) -> Reading:
        """One line; see ``read_all``."""
        return self.read_all((line,))[0]

    def read_all(self, lines: Sequence[str]) -> list[Reading]:
        """Lines in their order."""
        skeletons = self._skeletons
        if skeletons is None:
            return [self._read(line) for line in lines]
        shapes, seconds = self._shapes, self._parser.seconds
        # Neighbours mostly share their second.
        last_text, last_time = "", None
        readings: list[Reading] = []
        append = readings.append
        for line, key in zip(lines, skeletons.keys(lines), strict=True):
            shape = shapes.get(key, 0) if key is not None else NEVER
            if isinstance(shape, int):
                append(self._read_unknown(line, key, skeletons, shape))
                continue
            places, belongs, time, source, label, message, fits = shape
            if len(places) == 1:
                keys: tuple[str, ...] = (line[places[0]],)
            else:
                keys = tuple(dict.fromkeys([line[place] for place in places]))
            if time is not None:
                text = line[time]
                if text != last_text:
                    last_text, last_time = text, seconds(text)
            append(
                _reading(
                    (
                        keys,
                        belongs,
                        None if time is None else last_time,
                        None if source is None else line[source],
                        None if label is None else line[label],
                        message if message.__class__ is str else recalled(message, line),
                        fits,
                    )
                )
            )
        return readings

    def columns(self, lines: Sequence[str], offsets: Sequence[int] = ()) -> Readings:
        """Those of ``lines`` that sessions take."""
        readings = self.read_all(lines)
        taken = [reading.belongs for reading in readings]
        strays = len(lines)
        if not all(taken) or "" in lines or any(map(str.isspace, lines)):
            # A blank line is nobody's.
            full = [bool(line) and not line.isspace() for line in lines]
            strays = sum(full)
            taken = list(map(operator.and_, taken, full))
            readings, lines = list(compress(readings, taken)), list(compress(lines, taken))
            offsets = list(compress(offsets, taken))
        if not readings:
            return Readings((), (), (), (), (), (), (), strays, 0)
        keys, _, times, sources, labels, messages, fits = zip(*readings, strict=True)
        return Readings(
            lines, offsets, keys, times, sources, labels, messages,
            strays - len(lines), len(fits) - sum(fits),
        )  # fmt: skip

    def _read_unknown(
        self, line: str, key: bytes | None, skeletons: Skeletons, met: int
    ) -> Reading:
        if key is None or (self._mixed and may_be_json(line)):
            return self._read(line)
        # Ids make a line's skeleton its own: not worth remembering.
        alike = None if self._alike_ids is None else self._alike_ids.key(line)
        if alike is not None or self._holds_id(line):
            return self._read_with_id(line, alike)
        reading = self._read(line)
        if not met:
            if len(self._shapes) >= self._most:
                self._shapes.clear()
            self._shapes[key] = 1
        elif not holds_digit(reading.message):
            self._shapes[key] = self._shape(line, reading.message)
        elif met == WORTH_LEARNING:
            message = skeletons.remember(line, self._message)
            self._shapes[key] = NEVER if message is None else self._shape(line, message)
        elif met != NEVER:
            self._shapes[key] = met + 1
        return reading

    def _read_with_id(self, line: str, key: bytes | None) -> Reading:
        ids = self._alike_ids
        if key is None or ids is None:
            return self._read(line, self._mask_with_id)
        content, time, source, label, fits = self._parser.parse(line)
        shape = ids.find(key, content)
        if shape is not None and line.endswith(content):
            keys = tuple(dict.fromkeys([line[place] for place in shape.keys]))
            return _reading((keys, shape.belongs, time, source, label, shape.message, fits))
        keys = self._keys(line)
        belongs = self._find_keys is None or bool(keys)
        message = self._mask_with_id(content) if belongs else ""
        ids.learn(
            key, line, content, lambda line: IdShape(self._key_places(line), belongs, message)
        )
        return Reading(keys, belongs, time, source, label, message, fits)

    def _read(self, line: str, mask: Callable[[str], str] | None = None) -> Reading:
        keys = self._keys(line)
        belongs = self._find_keys is None or bool(keys)
        content, time, source, label, fits = self._parser.parse(line)
        message = (mask or self._mask)(content) if belongs else ""
        return Reading(keys, belongs, time, source, label, message, fits)

    def _keys(self, line: str) -> tuple[str, ...]:
        if self._find_keys is None:
            return ()
        if self._times and line.count(self._required) < self._times:
            return ()
        # An alternative without the group finds "", which names no session.
        return tuple(dict.fromkeys(filter(None, self._find_keys(line))))

    def _shape(self, line: str, message: Remembered) -> "_Shape":
        match = self._match(line) if self._match is not None else None
        keys = self._key_places(line)
        return _Shape(
            keys,
            self._find_keys is None or bool(keys),
            _group(match, "time"),
            _group(match, "source"),
            _group(match, "label"),
            message,
            match is not None or self._match is None or self._mixed,
        )

    def _key_places(self, line: str) -> tuple[slice, ...]:
        if self._key_spans is None:
            return ()
        spans = [found.span(1) for found in self._key_spans(line)]
        return tuple(slice(*span) for span in spans if span[1] > span[0])

    def _message(self, line: str) -> str:
        content = line
        if self._match is not None and (match := self._match(line)):
            content = match["content"] or ""
        return self._mask(content)


class _Shape(NamedTuple):
    """Where the parts of a ``Reading`` are in all lines of one skeleton."""

    keys: tuple[slice, ...]
    belongs: bool
    time: slice | None
    source: slice | None
    label: slice | None
    message: Remembered
    fits: bool


def _group(match: re.Match[str] | None, name: str) -> slice | None:
    if match is None or name not in match.re.groupindex or match.start(name) < 0:
        return None
    return slice(*match.span(name))
