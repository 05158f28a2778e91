"""Export: the bundle is checked before it appears, or it does not appear."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from export.parity import check_parity
from models.bundle import Bundle
from models.errors import UserError
from models.masks import key_mask
from models.signing import SigningKey, VerifyingKey
from tests.models.keys import write_keys
from tests.trainer.conftest import Demo
from trainer.bundling import export_bundle
from trainer.fit import load_network
from trainer.predict import predict
from trainer.run import Run


def test_the_bundle_says_what_it_is(run: Run, bundle: Path, demo: Demo) -> None:
    manifest = Bundle.load(bundle).manifest
    assert manifest.name == "shop"
    assert manifest.rule.key_regex == demo.target.key_regex
    assert manifest.rule.idle is None
    assert manifest.masks[0] == key_mask(demo.target.key_regex)
    assert manifest.line_format.name == "syslog"
    assert [(one["role"], one["name"]) for one in manifest.data] == [
        ("source", "block-store"), ("target", "web-shop"),
    ]  # fmt: skip
    assert manifest.evaluation is not None
    assert manifest.evaluation["sessions"] == 200 - len(run.seen_of_target())
    assert manifest.threshold == run.threshold
    card = (bundle / "README.md").read_text()
    assert card.startswith("# shop\n")
    assert "| target | web-shop | 200 |" in card
    assert Bundle.load(bundle).templates == run.target_templates()[0]


def test_the_rows_of_the_table_are_the_vectors_of_the_templates(run: Run, bundle: Path) -> None:
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(Bundle.load(bundle).network)
    [table] = [one for one in model.graph.initializer if one.name == "event_table"]
    loaded = Bundle.load(bundle)
    expected = loaded.embedder().embed_all(loaded.templates)
    assert np.array_equal(numpy_helper.to_array(table), expected)
    assert np.array_equal(run.embedder().embed_all(loaded.templates), expected)


def test_a_name_and_a_tar(run: Run, tmp_path: Path) -> None:
    folder, archive = tmp_path / "shop.v2", tmp_path / "shop.v2.tar"
    first, _ = export_bundle(run, folder)
    second, _ = export_bundle(run, archive)
    third, _ = export_bundle(run, tmp_path / "x.tar", name="till")
    assert (first.name, second.name, third.name) == ("shop.v2", "shop.v2", "till")
    assert Bundle.load(archive).templates == Bundle.load(folder).templates
    assert {path.name for path in tmp_path.iterdir()} == {"shop.v2", "shop.v2.tar", "x.tar"}


def test_a_taken_place_needs_force(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "shop", tmp_path / "shop.tar"):
        export_bundle(run, path)
        before = Bundle.load(path).fingerprint
        with pytest.raises(UserError, match="--force"):
            export_bundle(run, path, name="other")
        assert Bundle.load(path).fingerprint == before
        export_bundle(run, path, name="other", replace=True)
        assert Bundle.load(path).manifest.name == "other"
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="no bundle"):
        export_bundle(run, home, replace=True)
    assert (home / "thesis.tex").read_text() == "precious"


def test_other_weights_fail_the_parity_check(run: Run, bundle: Path) -> None:
    system = run.systems()[-1]
    rows = system.sequences(system.seen, system.parser(run.drain))
    table = run.embedder().embed_all(system.templates)
    network = load_network(run, torch.device("cpu"))
    sequences = [one.tolist() for one in rows]
    assert check_parity(bundle, sequences, predict(network, table, rows)) <= 1e-5
    with torch.no_grad():
        network.networks()[0].output.bias.add_(torch.tensor([0.0, 0.01]))
    with pytest.raises(UserError, match="differs from the trained one"):
        check_parity(bundle, sequences, predict(network, table, rows))


@pytest.mark.parametrize("name", ["shop", "shop.tar"])
def test_a_failed_check_leaves_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A bound that nothing meets: the only way to a failure that a right graph leaves."""
    monkeypatch.setattr("export.parity.LARGEST_DIFFERENCE", -1.0)
    with pytest.raises(UserError, match="differs from the trained one"):
        export_bundle(run, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_check_keeps_the_old_bundle(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_bundle(run, tmp_path / "shop")
    export_bundle(run, tmp_path / "shop.tar")
    before = [Bundle.load(path).fingerprint for path in sorted(tmp_path.iterdir())]
    monkeypatch.setattr("export.parity.LARGEST_DIFFERENCE", -1.0)
    for name in ("shop", "shop.tar"):
        with pytest.raises(UserError, match="differs"):
            export_bundle(run, tmp_path / name, replace=True)
    assert [Bundle.load(path).fingerprint for path in sorted(tmp_path.iterdir())] == before


def test_a_run_without_weights(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run")
    (tmp_path / "run" / "checkpoint.npz").unlink()
    with pytest.raises(UserError, match="nothing trained yet"):
        export_bundle(Run.open(tmp_path / "run"), tmp_path / "shop")
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_it_is_signed_with_the_key_that_is_given(run: Run, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path)
    key = VerifyingKey(public)
    folder, archive = tmp_path / "shop", tmp_path / "shop.tar"
    for output in (folder, archive):
        export_bundle(run, output, sign=SigningKey(private))
        assert Bundle.load(output, key=key).manifest.name == "shop"
    export_bundle(run, folder, replace=True)
    with pytest.raises(UserError, match="is not signed"):
        Bundle.load(folder, key=key)
