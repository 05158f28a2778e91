"""All seeds of a benchmark, in as many processes as there are cores for them."""

import math
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from multiprocessing.queues import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from trainer.benchmark.corpora import Given
from trainer.benchmark.curves import curves
from trainer.benchmark.figures import SPLITS, Parts, figures
from trainer.benchmark.methods import make
from trainer.benchmark.protocols import Setting
from trainer.benchmark.task import Method, Task, build
from trainer.corpus import Corpus
from trainer.progress import silence

_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class Plan:
    """What is run for every seed."""

    setting: Setting
    sources: tuple[Given, ...]
    target: Given
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """One seed. labels: used, by role and system; tested: sessions and anomalies by split; results:
    a row for each method and split; curves: of each method on all test sessions; costs: processor
    seconds of each method; peak_memory: MiB of the process.
    """

    seed: int
    labels: list[dict[str, Any]]
    tested: dict[str, dict[str, int]]
    results: list[dict[str, Any]]
    curves: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    peak_memory: float


def run_seed(plan: Plan, seed: int, judged: Callable[[], None] = lambda: None) -> Outcome:
    """Split, fit every method, score the test part once. judged: called after each method. Raises
    UserError."""
    sources = [source.open() for source in plan.sources]
    target = plan.target.open()
    results: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    costs: list[dict[str, Any]] = []
    # One thread whatever the machine: how sums are split among threads changes last digits.
    with threadpool_limits(1):
        task, examination = build(plan.setting, sources, target, seed)
        parts = Parts.of(examination)
        for name in plan.methods:
            method = make(name)
            # Of the processor: other seeds and other work share it.
            began = time.process_time()
            method.fit(task)
            fitted = time.process_time()
            scores = method.score(examination.sequences)
            costs.append(
                {
                    "method": name,
                    "seed": seed,
                    "fit_seconds": round(fitted - began, 3),
                    "score_seconds": round(time.process_time() - fitted, 3),
                }
            )
            by_split = figures(parts, scores, method.threshold, seed)
            threshold = method.threshold if math.isfinite(method.threshold) else None
            half = _at_half(method, parts, scores, seed)
            results += [
                {
                    "method": name,
                    "split": split,
                    "seed": seed,
                    **by_split[split],
                    "threshold": threshold,
                    **({} if half is None else {"at_half": half[split]}),
                }
                for split in SPLITS
            ]
            lines = curves(parts.labels, scores)
            if lines is not None:
                drawn.append({"method": name, "seed": seed, **lines})
            judged()
    return Outcome(
        seed=seed,
        labels=_labels(task),
        tested={split: parts.counts(split) for split in SPLITS},
        results=results,
        curves=drawn,
        costs=costs,
        peak_memory=_peak_memory(),
    )


def _at_half(
    method: Method, parts: Parts, scores: NDArray[np.float64], seed: int
) -> dict[str, dict[str, float | None]] | None:
    """By split, where scores are probabilities: what the paper's threshold gives, for all methods
    the same."""
    threshold: float | None = getattr(method, "published_threshold", None)
    if threshold is None:
        return None
    found = figures(parts, scores, threshold, seed)
    return {
        split: {name: found[split][name] for name in ("precision", "recall", "f1")}
        for split in SPLITS
    }


def run(
    plan: Plan,
    seeds: Sequence[int],
    jobs: int | None,
    done: Callable[[Outcome], None],
    judged: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Outcomes in the order of the seeds; the same whatever ``jobs`` is (None: one a core).

    done: called as seeds end, in any order; judged: as a method ends on one of them.
    """
    jobs = min(len(seeds), jobs or _cores())
    if jobs == 1:
        outcomes = []
        for seed in seeds:
            outcomes.append(run_seed(plan, seed, judged))
            done(outcomes[-1])
        return outcomes
    # Forked copies of a process in which torch has threads may hang.
    context = multiprocessing.get_context("spawn")
    ended = context.SimpleQueue()
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_work_for, initargs=(ended,)
    ) as pool:
        try:
            futures = [pool.submit(_run_seed, plan, seed) for seed in seeds]
            pending = set(futures)
            while pending:
                over, pending = wait(pending, _SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
                while not ended.empty():
                    ended.get()
                    judged()
                for future in over:
                    done(future.result())
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


# Of a worker: where it says that it is done with a method.
_ended: "SimpleQueue[int] | None" = None


def _work_for(ended: "SimpleQueue[int]") -> None:
    global _ended
    _ended = ended
    silence()


def _run_seed(plan: Plan, seed: int) -> Outcome:
    assert _ended is not None
    return run_seed(plan, seed, partial(_ended.put, seed))


def _labels(task: Task) -> list[dict[str, Any]]:
    """Labels that training may use, of each system; unlabelled: sessions seen without."""
    rows = [
        _row("source", source, source.labels[seen], 0)
        for source, seen in zip(task.sources, task.split.sources, strict=True)
    ]
    labels = task.target.labels[task.split.labelled]
    return [*rows, _row("target", task.target, labels, len(task.split.unlabelled))]


def _row(role: str, corpus: Corpus, labels: Any, unlabelled: int) -> dict[str, Any]:
    return {
        "name": corpus.name,
        "role": role,
        "fingerprint": corpus.fingerprint,
        "sessions": len(corpus),
        "normal": corpus.counts["normal"],
        "anomalous": corpus.counts["anomalous"],
        "events": corpus.counts["events"],
        "labels": {"normal": int((labels == 0).sum()), "anomalous": int((labels == 1).sum())},
        "unlabelled": unlabelled,
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _peak_memory() -> float:
    """Most memory that this process held at once, MiB. Linux counts KiB, macOS bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
