"""What is compared: the paper's tables, and its few-label rows with as many labels as it had."""

from collections.abc import Mapping
from dataclasses import dataclass

# Rows that read the target's few labelled anomalies, and what stands beside them.
_FEW_LABELS = ("plelog:a", "logrobust:a", "logtad", "logtransfer", "words", "default", "rules")
# Of sentence-transformers' hub, unless a folder of this name is where it runs.
_SENTENCE_MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Comparison:
    """One ``metalog-train compare``. zero_shot: systems of the bars; anomaly_fraction: of the
    target's anomalies, None for the 1 % of the paper; methods: empty for all; sentence_model: of
    NeuralLog, None for means of word vectors."""

    name: str
    source: str
    target: str
    source_fraction: float
    normal_fraction: float
    zero_shot: tuple[str, ...] = ()
    anomaly_fraction: float | None = None
    methods: tuple[str, ...] = ()
    sentence_model: str | None = None

    @property
    def corpora(self) -> tuple[str, ...]:
        return (self.source, self.target, *self.zero_shot)

    @property
    def has_plots(self) -> bool:
        return not self.methods

    def options(self, corpora: Mapping[str, str]) -> list[str]:
        """corpora: paths by name."""
        given = ["--source", corpora[self.source], "--target", corpora[self.target]]
        for other in self.zero_shot:
            given += ["--zero-shot", corpora[other]]
        given += ["--source-fraction", f"{self.source_fraction:g}"]
        given += ["--normal-fraction", f"{self.normal_fraction:g}"]
        if self.anomaly_fraction is not None:
            given += ["--anomaly-fraction", f"{self.anomaly_fraction:g}"]
        if self.methods:
            given += ["--methods", ",".join(self.methods), "--sweep-seeds", "0"]
        if self.sentence_model is not None:
            given += ["--sentence-model", self.sentence_model]
        return given


# The paper's shares of source and target; its zero-shot bars belong to its first direction.
COMPARISONS = (
    Comparison("hdfs-bgl", "hdfs", "bgl", 0.3, 0.3, ("openstack", "thunderbird")),
    Comparison("bgl-hdfs", "bgl", "hdfs", 1.0, 0.1),
    # 1 % of the full BGL's and HDFS's anomalies: 360 and 168.
    Comparison(
        "hdfs-bgl-360-labels", "hdfs", "bgl", 0.3, 0.3,
        anomaly_fraction=360 / 3221, methods=_FEW_LABELS,
    ),
    Comparison(
        "bgl-hdfs-168-labels", "bgl", "hdfs", 1.0, 0.1,
        anomaly_fraction=168 / 350, methods=_FEW_LABELS,
    ),
    Comparison(
        "hdfs-bgl-sentences", "hdfs", "bgl", 0.3, 0.3,
        methods=("neurallog",), sentence_model=_SENTENCE_MODEL,
    ),
    Comparison(
        "bgl-hdfs-sentences", "bgl", "hdfs", 1.0, 0.1,
        methods=("neurallog",), sentence_model=_SENTENCE_MODEL,
    ),
)  # fmt: skip
