"""What must not leave the host with an alert: passwords, tokens and the like in raw lines.

Patterns find what is written in the usual ways; no list finds every secret. Who cannot have that
sends no raw lines at all.
"""

import re
from collections.abc import Iterable, Sequence

from models.errors import UserError
from models.masks import Mask, Masker

_NAMES = (
    r"(?:passw(?:or)?d|passphrase|secret|token|credentials?|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|session[_-]?(?:id|key)|(?<![a-z])(?:pwd|pass))"
)
# In this order. Where there is a group, only it is replaced: the line still says what it was.
DEFAULT_SECRETS: tuple[Mask, ...] = (
    Mask(
        "AUTHORIZATION",
        r"(?i)\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?"
        r"((?:(?:basic|bearer|digest|negotiate|token|aws4-hmac-sha256)\s+)?[^\s\"']+)",
    ),
    Mask("TOKEN", r"(?i)\b(?:bearer|basic)\s+([\w.~+/-]{8,}=*)"),
    Mask("COOKIE", r"(?i)\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?([^\"']+)"),
    Mask("TOKEN", r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"),
    Mask(
        "TOKEN",
        r"\b(?:gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}"
        r"|(?:AKIA|ASIA)[A-Z0-9]{16}|[srp]k_(?:live|test)_\w{10,}|sk-[\w-]{16,}|whsec_[\w+/=]{8,}"
        r"|AIza[\w-]{30,})",
    ),
    Mask("PASSWORD", r"://[^\s/:@]*:([^\s/@]+)@"),
    Mask(
        "SECRET",
        rf"(?i){_NAMES}[\"']?\s*(?:=>|[:=])\s*[\"']?"
        r"((?<=\")[^\"]+|(?<=')[^']+|(?<![\"'])[^\s\"'<,;&)}\]][^\s\"',;&)}\]]*)",
    ),
    Mask("EMAIL", r"(?<![\w.+%'-])[\w.+%'-]++@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")


def secrets_masker(given: Iterable[Mask] = ()) -> Masker:
    """``given`` come first, then the usual ones. Raises UserError for what is no pattern."""
    return Masker((*given, *DEFAULT_SECRETS))


def parse_masks(options: Sequence[str], said: str = "--mask") -> tuple[Mask, ...]:
    """Of ``--mask NAME=REGEX``. Raises UserError. said: what the option is called."""
    masks = []
    for option in options:
        name, sign, pattern = option.partition("=")
        if not sign or not pattern or not _NAME.fullmatch(name):
            raise UserError(
                f"{said} {option!r}: expected NAME=REGEX, such as CARD='[0-9]{{16}}'; what matches "
                "becomes <NAME>, or only the regex's group where it has one"
            )
        mask = Mask(name.upper(), pattern)
        # Checked alone, so that the error names this one.
        if Masker((mask,)).mask(""):
            raise UserError(f"{said} {option!r}: matches where there is nothing; ask for more")
        masks.append(mask)
    return tuple(masks)
