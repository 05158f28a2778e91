"""Signatures of bundles: who holds the private key has made it, and nobody has changed it since.

Ed25519 (RFC 8032) over the bytes of manifest.json, which holds the sha256 of every other file; the
64 bytes of the signature lie beside it. Keys are PEM files, as OpenSSL writes them.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE = "manifest.sig"


class SigningKey:
    """A private key. Raises UserError where the file is none."""

    def __init__(self, path: Path) -> None:
        from_pem = _serialization(path, "--sign").load_pem_private_key
        content = _read(path, "--sign")
        try:
            key = from_pem(content, password=None)
        except TypeError:
            raise UserError(
                f"--sign {path}: is protected by a password; `openssl pkey -in {path} -out "
                "PLAIN.pem` takes it off"
            ) from None
        except ValueError:
            key = None
        self._key: Ed25519PrivateKey = _of_kind("Ed25519PrivateKey", key, path, "--sign")

    def sign(self, manifest: bytes) -> bytes:
        """Content of manifest.sig."""
        return self._key.sign(manifest)


class VerifyingKey:
    """A public key. Raises UserError where the file is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        from_pem = _serialization(path, "--verify").load_pem_public_key
        content = _read(path, "--verify")
        try:
            key = from_pem(content)
        except ValueError:
            key = None
        self._key: Ed25519PublicKey = _of_kind("Ed25519PublicKey", key, path, "--verify")

    def check(self, bundle: Path, manifest: bytes, signature: bytes | None) -> None:
        """Raises UserError where ``signature``, the content of manifest.sig, is not that of
        ``manifest`` by this key. None: there is no such file."""
        from cryptography.exceptions import InvalidSignature

        if signature is None:
            raise UserError(
                f"{bundle}: is not signed ({SIGNATURE} is missing), and --verify {self._path} asks "
                "for it; export it with --sign"
            )
        try:
            self._key.verify(signature, manifest)
        except InvalidSignature:
            raise UserError(
                f"{bundle}: was not signed by the owner of {self._path}, or was changed since; "
                "do not use it"
            ) from None


def _serialization(path: Path, option: str) -> Any:
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        raise UserError(
            f"{option} {path}: needs the package cryptography: pip install 'metalog[sign]'"
        ) from None
    return serialization


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{option} {path}: cannot be read: {error.strerror}") from None


def _of_kind(kind: str, key: object, path: Path, option: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    if not isinstance(key, getattr(ed25519, kind)):
        private = kind == "Ed25519PrivateKey"
        command = (
            f"openssl genpkey -algorithm ed25519 -out {path}"
            if private
            else f"openssl pkey -in PRIVATE.pem -pubout -out {path}"
        )
        raise UserError(
            f"{option} {path}: no {'private' if private else 'public'} ed25519 key in PEM; "
            f"`{command}` makes one"
        )
    return key
