"""Options of ``watch`` that say when a session is anomalous, and what the agent learns before."""

from pathlib import Path
from typing import Annotated

import typer

AlertsPerDayOption = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="Keep the threshold where about so many sessions a day are anomalous, before they are "
        "grouped.  [default: a fixed threshold]",
    ),
]
WarmUpOption = Annotated[
    str,
    typer.Option(
        "--warmup",
        metavar="DURATION",
        help="With a bundle that knows no system yet, learn what is normal here for so long, or "
        "2,000 sessions, and alert only on what is beyond doubt; 0 or --threshold: not at all.",
    ),
]
HistoryOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Learn what is normal from old logs at once: a file, .gz, or a glob in quotes; "
        "repeatable.",
    ),
]
VerifyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="KEY",
        help="Take only bundles signed by the owner of this ed25519 public key (PEM).",
    ),
]
