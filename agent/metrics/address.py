"""Where the endpoint listens."""

import re

import msgspec

from models.errors import UserError

# In the place of an address: a stronger source turns off what a weaker one has on.
OFF = "off"
_FORM = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<host>[^\[\]:\s]+)):(?P<port>\d{1,5})")


class Address(msgspec.Struct, frozen=True):
    """host: a name or a number of an interface here; port: 0 for any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(text: str, said: str = "--metrics-address") -> Address | None:
    """None for ``off``. Raises UserError."""
    if text.strip().lower() == OFF:
        return None
    found = _FORM.fullmatch(text.strip())
    if found is None or int(found["port"]) > 65535:
        raise UserError(
            f"{said} {text!r}: expected HOST:PORT such as 127.0.0.1:9464 or [::1]:9464 "
            f"(0.0.0.0:9464 for all interfaces), or {OFF}"
        )
    return Address(found["six"] or found["host"], int(found["port"]))
