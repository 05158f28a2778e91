"""Masks: what varies within an event is replaced by a placeholder before Drain sees the line."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.errors import UserError


@dataclass(frozen=True, slots=True)
class Mask:
    """What ``pattern`` matches becomes ``<NAME>``; where it has a group, only the group does."""

    name: str
    pattern: str


# Applied in this order. None of them matches a word: words are what the embedding is made of.
DEFAULT_MASKS: tuple[Mask, ...] = (
    Mask("UUID", r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
    Mask("MAC", r"\b[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}\b"),
    Mask("IP", r"(?<![\w.])/?(?:::ffff:)?\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w])"),
    Mask("PATH", r"(?<![\w/<>])/[\w.+@%~-]+(?:/[\w.+@%~-]*)+"),
    Mask("HEX", r"\b0x[0-9a-fA-F]+\b|\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,}\b"),
    Mask("NUM", r"(?<![A-Za-z0-9_])[-+]?\d+(?:[.,:/]\d+)*"),
)


def key_mask(key_regex: str) -> Mask:
    """The mask of the session key: an id that no two sessions share must not tell events apart."""
    return Mask("KEY", key_regex)


class Masker:
    """Applies masks to the content of a line.

    Raises UserError where a pattern is no regular expression.
    """

    def __init__(self, masks: Iterable[Mask]) -> None:
        self.masks: tuple[Mask, ...] = tuple(masks)
        self._steps: list[tuple[re.Pattern[str], str]] = []
        for mask in self.masks:
            try:
                pattern = re.compile(mask.pattern)
            except re.error as error:
                raise UserError(
                    f"mask {mask.name}: {mask.pattern!r} is no regular expression: {error}"
                ) from None
            self._steps.append((pattern, f"<{mask.name}>"))

    def mask(self, content: str) -> str:
        for pattern, placeholder in self._steps:
            if pattern.groups:
                content = replace_group(pattern, placeholder, content)
            else:
                content = pattern.sub(placeholder, content)
        return content

    def mask_all(self, contents: Sequence[str]) -> list[str]:
        return [self.mask(content) for content in contents]


def replace_group(pattern: re.Pattern[str], placeholder: str, content: str) -> str:
    """``content`` with the placeholder for what the first group took in each match."""
    parts: list[str] = []
    end = 0
    for match in pattern.finditer(content):
        start, stop = match.span(1)
        if stop > start >= end:
            parts += (content[end:start], placeholder)
            end = stop
    return "".join((*parts, content[end:])) if end else content
