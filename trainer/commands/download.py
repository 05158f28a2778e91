"""``metalog-train download``: logs to try metalog on."""

import os
from pathlib import Path
from typing import Annotated

import typer

from models.errors import UserError
from trainer.commands import completing


def download(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="hdfs, bgl, thunderbird or openstack.",
            autocompletion=completing.DATASETS,
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="NAME is made in it.")
    ] = Path("loghub"),
    place: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="A mirror that has the archive under its name; the checksum stays the same.  "
            "[default: METALOG_DOWNLOAD_URL, else Zenodo]",
        ),
    ] = None,
) -> None:
    """Fetch public labelled logs (loghub): checksum, unpacking, the command that prepares them.

    A download that was stopped goes on where it was.
    """
    from trainer.datasets.catalogue import DATASETS, PLACE, TERMS
    from trainer.datasets.loghub import download as run_download
    from trainer.progress import say

    if name not in DATASETS:
        raise UserError(f"download {name}: not known; one of {', '.join(DATASETS)}")
    try:
        done = run_download(name, output, place or os.environ.get("METALOG_DOWNLOAD_URL") or PLACE)
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here")
        raise typer.Exit(130) from None
    if not done.fresh:
        say(f"{done.folder}: is there already; remove it to download it again")
    say(f"{done.folder}: {TERMS}")
    caution = DATASETS[name].caution
    if caution is not None:
        say(f"note: {caution}")
    say(f"next: {done.following}")
