"""Bundles that are signed, and what is refused instead."""

import shutil
import subprocess
from pathlib import Path

import pytest

from models.bundle import MANIFEST, Bundle
from models.errors import UserError
from models.signing import SIGNATURE, SigningKey, VerifyingKey
from tests.models.keys import sign, write_keys, write_locked_key, write_other_keys


def test_a_signed_bundle_is_taken_with_its_key_and_without(pumps: Path, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    sign(pumps, private)
    taken = Bundle.load(pumps, key=VerifyingKey(public))
    assert taken.fingerprint == Bundle.load(pumps).fingerprint


def test_without_a_signature_it_is_refused(pumps: Path, tmp_path: Path) -> None:
    _, public = write_keys(tmp_path)
    with pytest.raises(UserError, match=r"is not signed.*--sign"):
        Bundle.load(pumps, key=VerifyingKey(public))


def test_the_signature_of_somebody_else_is_refused(pumps: Path, tmp_path: Path) -> None:
    _, public = write_keys(tmp_path)
    stranger, _ = write_keys(tmp_path, "stranger")
    sign(pumps, stranger)
    with pytest.raises(UserError, match="was not signed by the owner of"):
        Bundle.load(pumps, key=VerifyingKey(public))


@pytest.mark.parametrize("content", [b"", b"short", b"\0" * 64, b"\0" * 65])
def test_what_is_no_signature_is_refused(pumps: Path, tmp_path: Path, content: bytes) -> None:
    _, public = write_keys(tmp_path)
    (pumps / SIGNATURE).write_bytes(content)
    with pytest.raises(UserError, match="was not signed by the owner of"):
        Bundle.load(pumps, key=VerifyingKey(public))


def test_no_file_of_it_can_be_changed(pumps: Path, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    key = VerifyingKey(public)
    sign(pumps, private)
    for file in sorted(pumps.iterdir()):
        whole = file.read_bytes()
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(UserError):
            Bundle.load(pumps, key=key)
        file.write_bytes(whole)
    Bundle.load(pumps, key=key)


def test_openssl_makes_the_keys_and_checks_the_signature(pumps: Path, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    private, public = tmp_path / "key.pem", tmp_path / "key.pub.pem"

    def openssl(*arguments: object) -> str:
        command = ["openssl", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    sign(pumps, private)
    Bundle.load(pumps, key=VerifyingKey(public))
    said = openssl(
        "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin",
        "-in", pumps / MANIFEST, "-sigfile", pumps / SIGNATURE,
    )  # fmt: skip
    assert "Verified Successfully" in said


def test_keys_that_are_none_are_refused(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    other_private, other_public = write_other_keys(tmp_path)
    garbage = tmp_path / "garbage.pem"
    garbage.write_bytes(b"\0 no key")
    for path in (public, other_private, garbage):
        with pytest.raises(UserError, match=r"--sign .*: no private ed25519 key.*openssl genpkey"):
            SigningKey(path)
    for path in (private, other_public, garbage):
        with pytest.raises(UserError, match=r"--verify .*: no public ed25519 key.*-pubout"):
            VerifyingKey(path)
    with pytest.raises(UserError, match="protected by a password"):
        SigningKey(write_locked_key(tmp_path))
    with pytest.raises(UserError, match=r"--verify .*missing.pem: cannot be read"):
        VerifyingKey(tmp_path / "missing.pem")
