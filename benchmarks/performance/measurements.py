"""What the performance page reports: each measurement is one run of a benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from models.errors import UserError

# Stand in options for what is made or given when they are run, and are what a reader sees.
DATA = "DATA"
CORPUS = "CORPUS"


@dataclass(frozen=True)
class Measurement:
    """name: of its record. module: below ``benchmarks``. options: those of a full run; quick: what
    makes it a matter of seconds, which proves that it runs and says little else. shares_bundles:
    it makes bundles of generated systems, which others have made already. usual: run without being
    asked for by name."""

    name: str
    module: str
    options: tuple[str, ...]
    quick: tuple[str, ...]
    shares_bundles: bool = False
    usual: bool = True

    @property
    def needs_data(self) -> bool:
        return not {DATA, CORPUS}.isdisjoint(self.options)

    def arguments(self, *, quick: bool) -> list[str]:
        # What is said again later holds.
        return [*self.options, *(self.quick if quick else ())]

    def command(self, *, quick: bool) -> str:
        """As a reader would type it."""
        options = _settled(self.arguments(quick=quick))
        return " ".join(("python -m", f"benchmarks.{self.module}", *options))


def _settled(arguments: Sequence[str]) -> list[str]:
    """Without options that are given again."""
    settled: dict[str, list[str]] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name = argument
            settled[name] = [name]
        else:
            settled[name].append(argument)
    return [part for parts in settled.values() for part in parts]


MEASUREMENTS: Mapping[str, Measurement] = {
    one.name: one
    for one in (
        Measurement(
            "pipeline",
            "pipeline",
            ("--peers", "--lines", "200000", "--turns", "3"),
            ("--lines", "4000", "--turns", "1"),
            shares_bundles=True,
        ),
        Measurement(
            "scoring",
            "scoring",
            ("--data", DATA, "--turns", "3"),
            ("--longest", "20", "--turns", "1"),
        ),
        Measurement("meta-step", "meta_step", ("--data", CORPUS, "--turns", "7"), ("--turns", "1")),
        Measurement(
            "parsing",
            "parsing",
            ("--lines", "20000", "--turns", "5"),
            ("--lines", "2000", "--turns", "1"),
        ),
        Measurement(
            "parsing-real",
            "parsing",
            ("--data", DATA, "--lines", "10000", "--turns", "5"),
            ("--lines", "2000", "--turns", "1"),
        ),
        Measurement(
            "preparing",
            "preparing",
            ("--lines", "200000", "--turns", "3"),
            ("--lines", "10000", "--turns", "1"),
        ),
        Measurement(
            "footprint",
            "footprint",
            ("--seconds", "20"),
            ("--seconds", "2", "--open", "5000"),
            shares_bundles=True,
        ),
        Measurement(
            "growth",
            "growth",
            ("--turns", "1"),
            ("--lines", "10000", "--most", "1000"),
            shares_bundles=True,
        ),
        # All of HDFS: some four minutes, and two gigabytes of a scratch folder.
        Measurement(
            "preparing-large",
            "preparing",
            ("--lines", "11000000", "--only", "quick", "--turns", "1"),
            ("--lines", "50000"),
            usual=False,
        ),
    )
}


def chosen(only: Sequence[str]) -> list[Measurement]:
    """Those whose name has one of the patterns (`parsing*`), all usual ones where there is none.
    Raises UserError for a pattern that none has."""
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in MEASUREMENTS):
            raise UserError(
                f"--only {pattern}: no measurement has that name; there are "
                f"{', '.join(MEASUREMENTS)}"
            )
    return [
        one
        for name, one in MEASUREMENTS.items()
        if any(fnmatchcase(name, pattern) for pattern in only) or (not only and one.usual)
    ]
