"""The default bundle: ``python -m benchmarks.pretrained --data FOLDER [-o BUNDLE] [--seed N]
[--without SYSTEM]...``

FOLDER is the folder of logs of ``benchmarks.results``. Prepares the four systems, trains on all of
them for a system never seen (each stands for it in turn), and writes the bundle that travels with
metalog, with the model card beside this file. What is in FOLDER under other terms than the project
stays there: the bundle holds numbers, and no line, template or word of a log. Without a system it
is what that system would have met (``benchmarks.replay``), and goes where -o says.
"""

import argparse
import string
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results.corpora import RECIPES
from models.bundle import Manifest
from models.errors import UserError
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
    arguments.add_argument(
        "--without", action="append", default=[], choices=SYSTEMS, metavar="SYSTEM"
    )
    given = arguments.parse_args()
    try:
        if given.without and given.output == _SHIPPED:
            raise UserError("--without: such a bundle is not to be shipped; say where with -o")
        with tempfile.TemporaryDirectory(prefix="metalog-pretrained-") as workspace:
            make(given.data, given.output, Path(workspace), given.seed, given.without)
    except UserError as error:
        print(f"benchmarks.pretrained: {error}", file=sys.stderr)
        sys.exit(2)


def make(data: Path, output: Path, workspace: Path, seed: int, without: Sequence[str] = ()) -> None:
    """Prepare, train, export. workspace: for the corpora; those that are there are used. without:
    systems to leave out, two of the four at most. Raises UserError."""
    sources = []
    for name in SYSTEMS:
        if name in without:
            continue
        say(RECIPES[name].command)
        sources.append(RECIPES[name].prepared(data, workspace))
    with tempfile.TemporaryDirectory(prefix="run-", dir=workspace) as folder:
        options = FitOptions(
            sources=tuple(sources),
            target=None,
            run=Path(folder) / "run",
            preset=preset("default"),
            fractions=Fractions(),
            device="cpu",
            seed=seed,
        )
        with step_bar("meta-training") as progress:
            run = train(start(options), "cpu", progress)
        manifest, difference = export_bundle(
            run, output, name=NAME, replace=True, note=say, card=_card
        )
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
