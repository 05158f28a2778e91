"""What training logged, as TensorBoard has it: the losses of each meta-task, and how the networks
did on sessions of the target that they left out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.run import Run

# Points of a curve; of more, equal stretches of steps are averaged.
_MOST_POINTS = 160
_NAMES = {
    "loss/outer": "outer loss",
    "loss/source": "on the sources",
    "loss/target": "on the target",
}
_VALIDATION = {"validation/best_f1": "F1, best threshold", "validation/auroc": "AUROC"}


@dataclass(frozen=True)
class Losses:
    """curves: pairs of step and loss by name; steps: the last one; averaged: steps a point;
    begins: steps at which the second and later networks of the ensemble begin; validation: as
    curves, see ``trainer.validation``, empty where nothing could be held back."""

    curves: dict[str, list[list[float]]]
    steps: int
    averaged: int
    begins: list[int]
    validation: dict[str, list[list[float]]]


def losses(run: Run) -> Losses | None:
    """None where the run logged nothing: it was not trained yet, or its folder lost the files."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = run.path / "tensorboard"
    if not folder.is_dir():
        return None
    # 0: all of them. A run that was resumed wrote some steps twice; the later ones count.
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    logged = set(events.Tags()["scalars"])
    found: dict[str, NDArray[np.float64]] = {}
    validation: dict[str, list[list[float]]] = {}
    for name, shown in (_NAMES | _VALIDATION).items():
        if name in logged:
            by_step = {one.step: one.value for one in events.Scalars(name)}
            points = np.array(sorted(by_step.items()), dtype=np.float64)
            points = points[np.isfinite(points[:, 1])]
            if name in _NAMES:
                found[shown] = points
            elif len(points):
                validation[shown] = np.round(points, 6).tolist()
    found = {name: points for name, points in found.items() if len(points)}
    if not found:
        return None
    last = max(int(points[-1, 0]) for points in found.values())
    averaged = -(-last // _MOST_POINTS)
    members = run.network.members
    each = last // members if run.preset.steps is None else run.preset.steps
    begins = [each * number for number in range(1, members) if 0 < each * number < last]
    return Losses(
        {name: _averaged(points, averaged, begins) for name, points in found.items()},
        last,
        averaged,
        begins,
        validation,
    )


def _averaged(points: NDArray[np.float64], size: int, begins: list[int]) -> list[list[float]]:
    """Means of stretches of steps, none of which goes over the beginning of a network."""
    member = np.searchsorted(begins, points[:, 0] - 1, side="right")
    stretch = member * 1_000_000_000 + (points[:, 0] - 1) // size
    _, owner = np.unique(stretch, return_inverse=True)
    count = np.bincount(owner)
    means = [np.bincount(owner, weights=column) / count for column in points.T]
    curve: list[list[float]] = np.round(np.stack(means, axis=1), 6).tolist()
    return curve
