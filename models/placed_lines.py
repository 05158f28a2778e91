"""Lines with their places in a file."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Lines:
    """Lines and their places; ``cut`` of them were longer than the limit, ``bad`` had bad bytes."""

    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    cut: int = 0
    bad: int = 0

    def add(self, text: str, start: int, end: int) -> None:
        self.texts.append(text)
        self.starts.append(start)
        self.ends.append(end)

    def extend(self, other: "Lines") -> None:
        self.texts += other.texts
        self.starts += other.starts
        self.ends += other.ends
        self.cut += other.cut
        self.bad += other.bad

    def drop_first(self) -> None:
        del self.texts[0], self.starts[0], self.ends[0]
