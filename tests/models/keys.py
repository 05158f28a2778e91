"""Key files."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from models.bundle import MANIFEST
from models.signing import SIGNATURE, SigningKey


def write_keys(folder: Path, name: str = "key") -> tuple[Path, Path]:
    """A private and a public ed25519 key."""
    return _write(folder, name, ed25519.Ed25519PrivateKey.generate())


def write_other_keys(folder: Path) -> tuple[Path, Path]:
    """The same of another kind."""
    return _write(folder, "elliptic", ec.generate_private_key(ec.SECP256R1()))


def write_locked_key(folder: Path) -> Path:
    path = folder / "locked.pem"
    lock = serialization.BestAvailableEncryption(b"password")
    path.write_bytes(_private(ed25519.Ed25519PrivateKey.generate(), lock))
    return path


def sign(bundle: Path, private: Path) -> None:
    content = (bundle / MANIFEST).read_bytes()
    (bundle / SIGNATURE).write_bytes(SigningKey(private).sign(content))


_Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def _write(folder: Path, name: str, key: _Key) -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(_private(key, serialization.NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private, public


def _private(key: _Key, lock: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
