"""The bundle: it comes back as it was written, and whatever is wrong with it is one line."""

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import SCHEMA, STEPS, Bundle, Manifest
from models.errors import UserError
from models.masks import Mask
from tests.models.pumps import TEMPLATES, WORDS

FILES = ("manifest.json", "network.onnx", *STEPS, "templates.jsonl", "words.npz", "README.md")


def refused(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        Bundle.load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text


def edit(folder: Path, **changes: Any) -> None:
    """Change the manifest as somebody with metalog at hand can: with a seal that fits."""
    path = folder / "manifest.json"
    fields = {**json.loads(path.read_text()), **changes}
    text = json.dumps(Manifest.from_json(fields).to_json())
    whole = Manifest.from_json(json.loads(text))
    path.write_bytes(whole.to_bytes())


def test_it_comes_back_as_it_was_written(pumps: Path) -> None:
    bundle = Bundle.load(pumps)
    assert {path.name for path in pumps.iterdir()} == set(FILES)
    assert bundle.templates == TEMPLATES
    assert bundle.words.words == WORDS
    assert bundle.frequencies.events == len(TEMPLATES)
    # Words without a vector have no use; the others keep their count.
    assert bundle.frequencies.words == {
        "pump": 2, "valve": 2, "opened": 1, "closed": 1, "pressure": 1, "in": 1,
    }  # fmt: skip
    manifest = bundle.manifest
    assert manifest.rule.idle == 30.0
    assert manifest.masks[0] == Mask("KEY", r"(pump-\d+)")
    assert manifest.data[0]["name"] == "pümps"
    assert manifest == Manifest.from_json(json.loads((pumps / "manifest.json").read_text()))
    assert bundle.parser().parse(["pump pump-7 closed valve 12"]) == [1]
    assert np.array_equal(
        bundle.embedder().embed("pump"), Bundle.load(pumps).embedder().embed("pump")
    )


def test_a_tar_is_the_same_bundle(pumps: Path, tmp_path: Path) -> None:
    path = tmp_path / "pumps.tar"
    for prefix in ("", "./", "some-folder/"):
        with tarfile.open(path, "w") as archive:
            for file in sorted(pumps.iterdir()):
                archive.add(file, prefix + file.name)
        assert Bundle.load(path).fingerprint == Bundle.load(pumps).fingerprint


def test_the_fingerprint_tells_bundles_apart(pumps: Path) -> None:
    before = Bundle.load(pumps).fingerprint
    edit(pumps, threshold=0.6)
    assert Bundle.load(pumps).fingerprint != before
    assert Bundle.load(pumps).manifest.threshold == 0.6


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_noticed_wherever_it_is(pumps: Path, name: str) -> None:
    whole = (pumps / name).read_bytes()
    for place in {*range(0, len(whole), max(1, len(whole) // 60)), len(whole) - 1}:
        changed = bytearray(whole)
        changed[place] ^= 1
        (pumps / name).write_bytes(changed)
        refused(pumps, f"{name}|schema")
    (pumps / name).write_bytes(whole[:-1])
    refused(pumps, name)
    (pumps / name).write_bytes(whole)
    Bundle.load(pumps)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_empty_file_is_noticed(pumps: Path, name: str) -> None:
    (pumps / name).write_bytes(b"")
    refused(pumps, name)
    (pumps / name).unlink()
    refused(pumps, f"{name} is missing")


def test_a_newer_schema_asks_for_a_newer_metalog(pumps: Path) -> None:
    path = pumps / "manifest.json"
    path.write_text(json.dumps({"kind": "metalog-bundle", "schema": SCHEMA + 1, "news": []}))
    refused(pumps, "install a newer metalog")


def test_an_older_schema_asks_for_a_new_export(pumps: Path) -> None:
    path = pumps / "manifest.json"
    path.write_text(json.dumps({"kind": "metalog-bundle", "schema": SCHEMA - 1}))
    refused(pumps, "fit and export it again")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"metalog-bundle"',
        b'{"kind": "metalog-bundle"}',
        b'{"kind": "metalog-bundle", "schema": 1}',
        b'{"kind": "metalog-bundle", "schema": "1"}',
        b'{"name": "left-pad", "version": "1.0.0"}',
        b"not json",
        b"\xff\xfe\x00",
    ],
)
def test_a_manifest_of_something_else(pumps: Path, content: bytes) -> None:
    (pumps / "manifest.json").write_bytes(content)
    refused(pumps, r"manifest\.json|schema")


def test_a_manifest_edited_by_hand_is_told_so(pumps: Path) -> None:
    path = pumps / "manifest.json"
    path.write_text(path.read_text().replace('"threshold": 0.5', '"threshold": 0.4'))
    refused(pumps, "was edited")


def test_a_count_that_does_not_fit(pumps: Path) -> None:
    edit(pumps, events=9)
    refused(pumps, "says 9 of 8")


def test_a_manifest_that_leaves_a_file_out(pumps: Path) -> None:
    files = json.loads((pumps / "manifest.json").read_text())["files"]
    edit(pumps, files={name: files[name] for name in files if name != "words.npz"})
    refused(pumps, r"lists no words\.npz")


def test_a_network_without_its_steps(pumps: Path) -> None:
    files = json.loads((pumps / "manifest.json").read_text())["files"]
    edit(pumps, files={name: files[name] for name in files if name != "step.onnx"})
    refused(pumps, r"lists no step\.onnx")


def test_paths_that_are_no_bundle(tmp_path: Path) -> None:
    refused(tmp_path / "absent", "no such bundle")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", r"manifest\.json is missing")
    (tmp_path / "log").write_text("just a log\n" * 1000)
    refused(tmp_path / "log", "neither a folder nor")
    (tmp_path / "empty").write_bytes(b"")
    refused(tmp_path / "empty", "neither a folder nor")


def test_a_tar_that_was_cut(pumps: Path, tmp_path: Path) -> None:
    path = Path(shutil.make_archive(str(tmp_path / "whole"), "tar", pumps))
    whole = path.read_bytes()
    for size in (1000, len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:size])
        refused(path, "tar|missing|damaged")
