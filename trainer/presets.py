"""Presets of training: everything that may be tuned, in one place."""

import math
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from models.description import EVENT_INPUTS
from models.errors import UserError
from models.session_inputs import SESSION_INPUTS


class Statistics(StrEnum):
    """What the history that describes the target's sessions is known to hold: there is none, normal
    sessions and some anomalies apart, or anything."""

    NONE = "none"
    LABELLED = "labelled"
    UNLABELLED = "unlabelled"


@dataclass(frozen=True, slots=True)
class Preset:
    """Hyper-parameters of Algorithm 1 and of the network; the defaults are the paper's (4.1).

    network: what differs from NetworkConfig's defaults. epochs: the paper's 5. An epoch is as many
    meta-tasks as the larger of source and target has batches (read literally the algorithm makes
    one update an epoch, which cannot be meant), at most ``most_tasks``. source_parts: parts the
    source is cut into; inner_parts: n_s; target_parts: n_t. batch: sessions from each part.
    inner_rate: alpha; target_weight: beta; rate: gamma, of Adam. second_order: differentiate
    through the inner steps. anomaly_share: share of anomalous sessions in a batch, drawn with
    replacement; None takes batches as they come. longest: events of a session that training reads
    from its start (scoring reads all of them). clip: largest norm of the outer gradient.

    learn_from: "both", or "target" or "source" alone, to see what each is worth. The source's
    labels alone still come with the target's normal history and its threshold.

    statistics: the network also reads what the history of its system says of a session; sources are
    then shown as drawn views, and ``network.members`` networks each leave a share of the target's
    sessions out, whose scores give the threshold (trainer.thresholds). unlabelled: the preset that
    takes over where the target has no labels, or hardly any. steps: of each network, in the place
    of epochs; with them the rate rises and falls once. smoothing: of labels; weight_decay: of Adam.
    anchor: weight of what keeps a network that goes on learning at its earlier answers
    (trainer.anchor).
    """

    name: str
    network: dict[str, Any] = field(default_factory=dict)
    epochs: int = 5
    most_tasks: int | None = None
    source_parts: int = 10
    inner_parts: int = 5
    target_parts: int = 1
    batch: int = 100
    inner_rate: float = 2e-3
    target_weight: float = 4.0
    rate: float = 2e-3
    second_order: bool = True
    anomaly_share: float | None = None
    longest: int = 512
    clip: float | None = None
    threshold: float = 0.5
    learn_from: str = "both"
    statistics: Statistics = Statistics.NONE
    unlabelled: str | None = None
    steps: int | None = None
    smoothing: float = 0.0
    weight_decay: float = 0.0
    anchor: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise UserError(f"--epochs {self.epochs}: expected 1 or more")
        if self.anomaly_share is not None and not 0 <= self.anomaly_share <= 1:
            raise UserError(f"--balanced {self.anomaly_share}: expected a share from 0 to 1")
        if not 0 <= self.target_weight < math.inf:
            raise UserError(f"--beta {self.target_weight}: expected 0 or more")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Preset":
        return cls(**{**value, "statistics": Statistics(value["statistics"])})


# What the strong rules use, as inputs that mean the same in every system (docs/experiments.md).
_DEFAULT = Preset(
    "default",
    network={
        "features": EVENT_INPUTS,
        "session": SESSION_INPUTS,
        "hidden": 64,
        "layers": 1,
        "scaled": True,
        "pooling": "mean",
        "tanh": False,
        "number_drop": 0.1,
        "members": 3,
    },
    inner_parts=1,
    batch=64,
    inner_rate=0.01,
    target_weight=1.0,
    rate=3e-3,
    second_order=False,
    anomaly_share=0.4,
    clip=2.0,
    statistics=Statistics.LABELLED,
    unlabelled="unlabelled",
    steps=250,
    smoothing=0.04,
    weight_decay=1e-3,
)

PRESETS: dict[str, Preset] = {
    "paper": Preset("paper"),
    # With 1 % of the anomaly labels, batches as they come teach the network to answer "normal":
    # a third of every batch is anomalous here. Mean instead of sum, because a sum grows with the
    # length of the session; no tanh, because it keeps P between 0.12 and 0.88.
    "words": Preset(
        "words",
        network={"scaled": True, "pooling": "mean", "tanh": False},
        most_tasks=40,
        inner_parts=2,
        anomaly_share=0.3,
        longest=100,
        clip=5.0,
    ),
    "default": _DEFAULT,
    # A target without labels, or with a few. Severities have a path of their own, the rest is left
    # out far more often: what a source's words say is not what the target's do.
    "unlabelled": replace(
        _DEFAULT,
        name="unlabelled",
        network={
            **_DEFAULT.network,
            "severity": True,
            "word_drop": 0.9,
            "path_drop": 0.7,
            "number_drop": 0.3,
            "group_drops": (0.0, 0.0, 0.3),
        },
        rate=1e-2,
        anomaly_share=0.3,
        statistics=Statistics.UNLABELLED,
        unlabelled=None,
        steps=300,
    ),
}

# A trained network goes on with a user's sessions: a few steps, small ones, every other batch is of
# what it knew before, and its answers to that are held. The rest is as in the presets that train
# from nothing.
ADAPTATION: dict[Statistics, Preset] = {
    statistics: replace(
        PRESETS[name], name="adapted", network={}, unlabelled=None, steps=60, rate=1e-3, anchor=1.0
    )
    for statistics, name in (
        (Statistics.LABELLED, "default"),
        (Statistics.UNLABELLED, "unlabelled"),
    )
}


def preset(name: str, **changes: Any) -> Preset:
    """A preset by name, with options of the command line that were given (not None)."""
    try:
        chosen = PRESETS[name]
    except KeyError:
        raise UserError(f"--preset {name}: not known; one of {', '.join(PRESETS)}") from None
    given = {key: value for key, value in changes.items() if value is not None}
    if "epochs" in given:
        # Whoever counts in epochs does not want the preset's fixed number of steps.
        given.setdefault("steps", None)
    return replace(chosen, **given)
