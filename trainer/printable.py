"""Text of a log on its way to a terminal, which it must not act on."""


def printable(text: str, most: int) -> str:
    """One line of printable characters: all others, and those that change the direction of
    writing, become escapes such as ``\\x1b``. Cut after ``most`` characters of the text."""
    cut = text[:most]
    if not cut.isprintable():
        cut = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in cut)
    return f"{cut}…" if len(text) > most else cut
