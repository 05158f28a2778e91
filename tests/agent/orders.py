"""Lines of a shop whose bundle is in conftest.py."""

_TIME = "Mar  1 12:00:{:02d} web shop[311]: order ord-{} {}"


def line(order: int, word: str, second: int = 0) -> str:
    return _TIME.format(second, order, word)


def session(order: int, *words: str) -> list[str]:
    return [line(order, word, second) for second, word in enumerate(words)]


NORMAL = ("opened", "paid", "shipped")
ODD = ("opened", "exploded", "refused", "lost")
