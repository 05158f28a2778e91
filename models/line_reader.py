"""From a raw line to all that is read of it: keys, time, source, label and masked message."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import compress
from typing import NamedTuple

from models.alike_ids import AlikeIds, Shape
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


# Looking for the ids of all lines at once is worth it where one line in so many has some.
_WORTH_LOOKING = 16


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
        self._shapes: dict[bytes | None, Shape] = {}
        # How often skeletons were met that are not worth learning yet; NEVER for what never is.
        self._met: dict[bytes, int] = {}
        self._most = most_skeletons
        # Whether so many lines have ids that they are looked for in all at once.
        self._expects_ids = False
        # What has no such column in any of its lines needs none.
        groups = re.compile(line_format.regex or "").groupindex
        varied = line_format.kind in ("json", "any")
        self._with_source = varied or "source" in groups
        self._with_label = varied or "label" in groups
        self._skeletons: Skeletons | None = None
        self._alike_ids: AlikeIds | None = None
        self._required, self._times = "", 0
        if not quick:
            return
        masker = QuickMasker(masks, most_skeletons=most_skeletons)
        self._mask = masker.mask
        self._mask_with_id = partial(masker.mask_seen, with_id=True)
        self._mask_without_id = partial(masker.mask_seen, with_id=False)
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
        if self._skeletons is not None:
            self._alike_ids = AlikeIds(
                self._skeletons, masks, header=header, key_regex=rule.key_regex
            )

    @property
    def zoned(self) -> bool:
        """Whether the times that were read state their zone."""
        return self._parser.zoned

    def columns(self, lines: Sequence[str], offsets: Sequence[int] = ()) -> Readings:
        """Lines in their order, those that sessions take."""
        skeletons, ids = self._skeletons, self._alike_ids
        with_ids = 0
        line_keys: Sequence[bytes | None]
        if skeletons is None:
            line_keys = [None] * len(lines)
        elif ids is not None and self._expects_ids:
            line_keys, with_ids = ids.keys(lines)
        else:
            line_keys = skeletons.keys(lines)
        get, seconds, named = self._shapes.get, self._parser.seconds, self._find_keys is not None
        with_source, with_label = self._with_source, self._with_label
        # Neighbours mostly share their second.
        last_text, last_time = "", None
        keys: list[tuple[str, ...]] = []
        times: list[float | None] = []
        sources: list[str | None] = []
        labels: list[str | None] = []
        messages: list[str] = []
        strays = unfit = 0
        left_out: list[int] = []
        for line, key in zip(lines, line_keys, strict=True):
            shape = get(key)
            if shape is None:
                if not line or line.isspace():
                    # A blank line is nobody's.
                    left_out.append(len(messages) + len(left_out))
                    continue
                form = None
                if ids is not None and key is not None:
                    if not self._expects_ids:
                        form = ids.form(line)
                        shape = get(form)
                        with_ids += form is not None
                    elif ids.is_form(key):
                        form = key
            if shape is None:
                reading = self._read_unknown(line, key, form)
                if reading.belongs:
                    keys.append(reading.keys)
                    times.append(reading.time)
                    messages.append(reading.message)
                    if with_source:
                        sources.append(reading.source)
                    if with_label:
                        labels.append(reading.label)
                    unfit += not reading.fits
                else:
                    strays += 1
                    left_out.append(len(messages) + len(left_out))
                continue
            places, time, source, label, message, fits = shape
            if named:
                if len(places) == 1:
                    keys.append((line[places[0]],))
                elif places:
                    keys.append(tuple(dict.fromkeys([line[place] for place in places])))
                else:
                    strays += 1
                    left_out.append(len(messages) + len(left_out))
                    continue
            else:
                keys.append(())
            if time is not None:
                text = line[time]
                if text != last_text:
                    last_text, last_time = text, seconds(text)
                times.append(last_time)
            else:
                times.append(None)
            messages.append(message if message.__class__ is str else recalled(message, line))
            if with_source:
                sources.append(None if source is None else line[source])
            if with_label:
                labels.append(None if label is None else line[label])
            if not fits:
                unfit += 1
        self._expects_ids = with_ids * _WORTH_LOOKING >= len(lines)
        if left_out:
            taken = [True] * len(lines)
            for i in left_out:
                taken[i] = False
            lines, offsets = list(compress(lines, taken)), list(compress(offsets, taken))
        nothing: list[str | None] = [None] * len(messages)
        return Readings(
            lines, offsets, keys, times,
            sources if with_source else nothing, labels if with_label else nothing,
            messages, strays, unfit,
        )  # fmt: skip

    def _read_unknown(self, line: str, key: bytes | None, form: bytes | None) -> Reading:
        skeletons = self._skeletons
        if skeletons is None or key is None or (self._mixed and may_be_json(line)):
            return self._read(line)
        # Ids make a line's skeleton its own: not worth remembering.
        ids, with_id = self._alike_ids, self._holds_id(line)
        if form is not None or with_id:
            if ids is not None and form is not None:
                self._learn_form(ids, line, form)
            return self._read(line, self._mask_with_id if with_id else self._mask_without_id)
        met = self._met.get(key, 0)
        reading = self._read(line, self._mask_without_id)
        if not met:
            self._forget_some()
            self._met[key] = 1
        elif not holds_digit(reading.message):
            self._shapes[key] = self._shape(line, reading.message)
        elif met == WORTH_LEARNING:
            message = skeletons.remember(line, self._message)
            if message is None:
                self._met[key] = NEVER
            else:
                self._shapes[key] = self._shape(line, message)
        elif met != NEVER:
            self._met[key] = met + 1
        return reading

    def _forget_some(self) -> None:
        # A skeleton is met before it has a shape, so there are no more shapes than of those.
        if len(self._met) >= self._most:
            self._met.clear()
            self._shapes.clear()

    def _learn_form(self, ids: AlikeIds, line: str, form: bytes) -> None:
        met = self._met.get(form, 0)
        if not met:
            self._forget_some()
        if met != NEVER and met < WORTH_LEARNING:
            # Lines with an id that no form spares are met once only.
            self._met[form] = met + 1
        elif met != NEVER:
            shape = ids.shape(line, form)
            if shape is None:
                self._met[form] = NEVER
            else:
                self._shapes[form] = shape

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

    def _shape(self, line: str, message: Remembered) -> Shape:
        match = self._match(line) if self._match is not None else None
        keys = self._key_places(line)
        return Shape(
            keys,
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


def _group(match: re.Match[str] | None, name: str) -> slice | None:
    if match is None or name not in match.re.groupindex or match.start(name) < 0:
        return None
    return slice(*match.span(name))
