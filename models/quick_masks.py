"""Masking by shortcuts that change no result: what ``Masker`` gives, several times as fast."""

import re
from collections.abc import Callable, Iterable

from models.masks import Mask, Masker, replace_group
from models.patterns import PatternTraits, traits_of
from models.skeletons import Remembered, Skeletons, holds_digit, recalled

# About 5 MB of texts of 100 characters; where more are in use, they are learnt anew.
MOST_SKELETONS = 10_000
# Learning which digits of a text come out takes as long as reading it about so many times. Until
# then the times that a skeleton was met are counted; NEVER: nothing can be remembered of it.
WORTH_LEARNING = 8
NEVER = -1


class QuickMasker(Masker):
    """``Masker`` with shortcuts.

    A mask is not tried on a text that lacks what each of its matches has (four hyphens, a digit).
    The masked form of a text is remembered by its skeleton where the masks permit it: ``guards`` is
    None where they do not, and otherwise what a text must not hold.
    """

    def __init__(self, masks: Iterable[Mask], *, most_skeletons: int = MOST_SKELETONS) -> None:
        super().__init__(masks)
        steps = [_Step(mask) for mask in self.masks]
        self.guards = common_guards(step.traits for step in steps)
        if not all(step.plain for step in steps):
            self.guards = None
        self._skeletons = skeletons_of(self.guards)
        # Ids of letters and digits make every text a skeleton of its own: they go first.
        ids = [step.traits.id_scan is not None for step in steps]
        first = len(ids) - ids[::-1].index(True) if any(ids) else 0
        self._all = tuple(steps)
        self._ids, self._others = tuple(steps[:first]), tuple(steps[first:])
        self.holds_id = IdSpotter(step.traits for step in steps).spot
        self._whole: dict[bytes, Remembered | int] = {}
        self._without_ids: dict[bytes, Remembered | int] = {}
        self._most = most_skeletons

    @property
    def remembers(self) -> bool:
        """Whether the masks permit it to know a text by its skeleton."""
        return self._skeletons is not None

    def mask(self, content: str) -> str:
        return self.mask_seen(content, None)

    def mask_seen(self, content: str, with_id: bool | None) -> str:
        """``mask``; with_id: what ``holds_id`` said of the line, where it was asked."""
        skeletons = self._skeletons
        if skeletons is None or not content.isascii():
            return _run(self._all, content, True)
        known, steps = self._whole, self._all
        if self.holds_id(content) if with_id is None else with_id:
            content = _run(self._ids, content, True)
            known, steps = self._without_ids, self._others
        key = skeletons.key(content)
        remembered = known.get(key, 0)
        if not isinstance(remembered, int):
            return recalled(remembered, content)
        digits = skeletons.has_digit(key)
        masked = _run(steps, content, digits)
        if not remembered and len(known) >= self._most:
            known.clear()
        if not holds_digit(masked):
            known[key] = masked
        elif remembered == WORTH_LEARNING:
            made = skeletons.remember(content, lambda text: _run(steps, text, digits))
            known[key] = NEVER if made is None else made
        elif remembered != NEVER:
            known[key] = remembered + 1
        return masked


class IdSpotter:
    """Whether a text may hold an id of letters and digits that one of some patterns looks for."""

    def __init__(self, traits: Iterable[PatternTraits]) -> None:
        scans: dict[str, tuple[str, int, Callable[[str], object]]] = {}
        for one in traits:
            if one.id_scan is not None and one.required is not None:
                scans[one.id_scan] = (*one.required, re.compile(one.id_scan).search)
        self._scans = tuple(scans.values())

    def spot(self, text: str) -> bool:
        for character, times, search in self._scans:
            if text.count(character) >= times and search(text) is not None:
                return True
        return False


def common_guards(traits: Iterable[PatternTraits]) -> tuple[str, ...] | None:
    """The guards of patterns that are applied one after the other; None where there are none."""
    guards: dict[str, None] = {}
    for one in traits:
        # Placeholders come to stand beside other text: a guard must not span one's edge.
        if one.guards is None or any("<" in guard or ">" in guard for guard in one.guards):
            return None
        guards.update(dict.fromkeys(one.guards))
    return tuple(guards)


def skeletons_of(guards: tuple[str, ...] | None) -> Skeletons | None:
    """None where texts of one skeleton may be masked in different ways."""
    try:
        return None if guards is None else Skeletons(guards)
    except ValueError:
        return None


class _Step:
    """One mask. plain: its placeholder holds no digit, which could be taken for one of the text."""

    def __init__(self, mask: Mask) -> None:
        self.pattern = re.compile(mask.pattern)
        self.traits = traits_of(mask.pattern)
        self.placeholder = f"<{mask.name}>"
        self.plain = not any(map(str.isdigit, mask.name))
        self.needs_digit = self.traits.needs_digit
        self._required, self._times = self.traits.required or ("", 0)

    def replace(self, content: str) -> str:
        if self._times and content.count(self._required) < self._times:
            return content
        if not self.pattern.groups:
            return self.pattern.sub(self.placeholder, content)
        if self.pattern.groups == 1:
            groups = self.pattern.findall(content)
            if not groups:
                return content
            # Mostly there is one, and it can be replaced without asking where it is.
            if len(groups) == 1 and groups[0]:
                place = content.find(groups[0])
                if content.find(groups[0], place + 1) < 0:
                    rest = content[place + len(groups[0]) :]
                    return f"{content[:place]}{self.placeholder}{rest}"
        return replace_group(self.pattern, self.placeholder, content)


def _run(steps: Iterable[_Step], content: str, digits: bool) -> str:
    for step in steps:
        if digits or not step.needs_digit:
            content = step.replace(content)
    return content
