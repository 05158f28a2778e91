"""How fast raw lines become a corpus: ``python -m benchmarks.preparing LOG [--format hdfs]``.

Prepares LOG as the command line does and prints lines a second of processor time, and the most
memory the process held. --simple reads step by step, without the shortcuts, for comparison.
``benchmarks.generated_logs`` writes a log to the shape of HDFS.
"""

import argparse
import resource
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

from models.line_reader import LineReader
from trainer.datasets import raw
from trainer.datasets.prepare import PrepareOptions, prepare


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("log", type=Path)
    arguments.add_argument("--format", default="hdfs")
    arguments.add_argument("--simple", action="store_true")
    given = arguments.parse_args()
    if given.simple:
        # No option of the command: nobody but a benchmark wants it.
        vars(raw)["LineReader"] = partial(LineReader, quick=False)
    with tempfile.TemporaryDirectory() as folder:
        began, wall = process_time(), perf_counter()
        options = PrepareOptions(
            logs=(given.log,), format=given.format, output=Path(folder) / "corpus"
        )
        counts = prepare(options)
        taken, waited = process_time() - began, perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{counts['lines']} lines, {counts['sessions']} sessions: {taken:.1f} s of processor time "
        f"({waited:.1f} s on the wall), {counts['lines'] / taken / 1000:.0f} thousand lines/s, "
        f"{memory:.0f} MiB"
    )


if __name__ == "__main__":
    main()
