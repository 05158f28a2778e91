"""Secrets do not stand in a configuration: it is read by more people than they are for."""

import re
from collections.abc import Mapping

from models.errors import UserError

_LOOKS_SECRET = re.compile(r"secret|passw(or)?d|token|api_?key|credential", re.IGNORECASE)
_SECRET_HEADER = re.compile(
    r"authorization|cookie|secret|passw(or)?d|token|(api|auth|access)[_-]?key", re.IGNORECASE
)
_SECRET_IN_URL = re.compile(
    r"://[^/?#]*:[^/?#]*@|[?&][^=&]*(secret|passw|token|key|sig)[^=&]*=", re.IGNORECASE
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL = "url"


def secret_hint(name: str, keys: Mapping[str, object]) -> str | None:
    """What to say of a key that is none and looks as if a secret stood there."""
    if name == _URL and "url_env" in keys:
        return 'the address is a secret: give url_env = "VARIABLE" or url_file = "FILE"'
    if not _LOOKS_SECRET.search(name) or name.endswith(("_env", "_file")):
        return None
    if "secret_env" in keys:
        return 'a secret does not stand here: give secret_env = "VARIABLE" or secret_file = "FILE"'
    return "there is no such key, and a secret does not stand in a configuration"


def refuse_inline_secrets(name: str, value: object, said: str) -> None:
    """Raises UserError, which does not show it."""
    if name == _URL and isinstance(value, str) and _SECRET_IN_URL.search(value):
        raise UserError(
            f'{said}: holds a secret, so it does not stand here: give url_env = "VARIABLE" or '
            'url_file = "FILE"'
        )
    if name == "headers" and isinstance(value, dict):
        for header in value:
            if _SECRET_HEADER.search(header):
                raise UserError(
                    f"{said}: {header} is a secret, so it does not stand here: give "
                    f'headers_env = {{ {header} = "VARIABLE" }} or headers_file'
                )
    variables: list[object] = []
    if name in ("url_env", "secret_env"):
        variables = [value]
    elif name == "headers_env" and isinstance(value, dict):
        variables = list(value.values())
    for variable in variables:
        if isinstance(variable, str) and (
            not _VARIABLE.fullmatch(variable) or variable.startswith("whsec_")
        ):
            raise UserError(
                f"{said}: expected the name of an environment variable, not what it holds"
            )
