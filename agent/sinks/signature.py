"""Signatures of webhooks, as Standard Webhooks 1.0 has them."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from models.errors import UserError

_PREFIX = "whsec_"


class Signer:
    """Signs with one or more secrets (several while one takes the place of another)."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._secrets = tuple(secrets)

    def __repr__(self) -> str:
        return f"Signer({len(self._secrets)} secrets)"

    @classmethod
    def of(cls, text: str, origin: str) -> "Signer":
        """Secrets ``whsec_<base64>``, separated by blanks. Raises UserError, without showing them;
        origin: where they were read from."""
        secrets = [_decoded(one) for one in text.split()]
        if not secrets or not all(secrets):
            raise UserError(f"{origin}: no webhook secret of the form whsec_<base64>")
        return cls([one for one in secrets if one])

    def headers(self, message: str, seconds: int, body: bytes) -> dict[str, str]:
        """message: id without a full stop; seconds: time of this attempt, since 1970."""
        signed = f"{message}.{seconds}.".encode() + body
        signatures = (
            base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
            for secret in self._secrets
        )
        return {"webhook-signature": " ".join(f"v1,{one}" for one in signatures)}


def _decoded(secret: str) -> bytes | None:
    if not secret.startswith(_PREFIX):
        return None
    encoded = secret.removeprefix(_PREFIX)
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return None
