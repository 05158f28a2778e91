"""The default bundle: ``python -m benchmarks.pretrained --data FOLDER [-o BUNDLE] [--seed N]``

FOLDER is the folder of logs of ``benchmarks.results``. Prepares the four systems, trains on all of
them for a system never seen (each stands for it in turn), and writes the bundle that travels with
metalog, with the model card beside this file. What is in FOLDER under other terms than the project
stays there: the bundle holds numbers, and no line, template or word of a log.
"""

import argparse
import string
import tempfile
from pathlib import Path

from benchmarks.results.corpora import RECIPES
from models.bundle import Manifest
from trainer.bundling import export_bundle
from trainer.fit import FitOptions, start, train
from trainer.presets import preset
from trainer.progress import say, step_bar
from trainer.splits import Fractions

# HDFS a second time (hdfs-sessions) would stand for a system other than HDFS, which it is not.
SYSTEMS = ("hdfs", "bgl", "openstack", "thunderbird")
NAME = "metalog-default"
_CARD = Path(__file__).with_name("pretrained_card.md")
_SHIPPED = Path(__file__).parents[1] / "models" / "pretrained" / "bundle"


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    arguments.add_argument("-o", "--output", type=Path, default=_SHIPPED, metavar="BUNDLE")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="metalog-pretrained-") as workspace:
        make(given.data, given.output, Path(workspace), given.seed)


def make(data: Path, output: Path, workspace: Path, seed: int) -> None:
    """Prepare, train, export. Raises UserError."""
    sources = []
    for name in SYSTEMS:
        say(RECIPES[name].command)
        sources.append(RECIPES[name].prepared(data, workspace))
    options = FitOptions(
        sources=tuple(sources),
        target=None,
        run=workspace / "run",
        preset=preset("default"),
        fractions=Fractions(),
        device="cpu",
        seed=seed,
    )
    with step_bar("meta-training") as progress:
        run = train(start(options), "cpu", progress)
    manifest, difference = export_bundle(run, output, name=NAME, replace=True, note=say, card=_card)
    size = sum(file.stat().st_size for file in output.iterdir())
    say(
        f"{output}: {size / 2**20:.1f} MiB, threshold {manifest.threshold:g}, differs from the "
        f"trained network by at most {difference:.1g}"
    )


def _card(manifest: Manifest) -> str:
    learnt = "\n".join(
        f"| {one['name']} | {one['sessions']:,} | {one['normal_labels']:,} | "
        f"{one['anomaly_labels']:,} | `{one['fingerprint'][:12]}` |"
        for one in manifest.data
    )
    return string.Template(_CARD.read_text(encoding="utf-8")).substitute(
        name=manifest.name,
        created=manifest.created,
        version=manifest.version,
        threshold=f"{manifest.threshold:g}",
        window=manifest.rule.window,
        dimension=manifest.dimension,
        learnt=learnt,
    )


if __name__ == "__main__":
    main()
