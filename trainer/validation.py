"""How well a member of the ensemble does, while it learns, on sessions of the target that it leaves
out: for the curves of a report. Nothing is chosen by it, and it draws no random number."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_auc_score

from models.reading import Inputs
from models.words import Vectors
from trainer.corpus import ANOMALOUS, NORMAL
from trainer.predict import predict
from trainer.reader import Reader
from trainer.views import Described

# Of one member's training, evenly spread; the last one is at its end.
_TIMES = 10
# More would cost more than they tell. All anomalies are among them.
_MOST_NORMAL = 500
_NEAREST = 1e-7


@dataclass(frozen=True)
class Validation:
    """sessions: labelled ones that the member does not learn from; None where not both classes are
    among them."""

    sessions: Described | None

    @classmethod
    def of(cls, left_out: Described, *, alone: bool) -> "Validation":
        """alone: the member is the only one, and has to learn what it is judged by."""
        normal = np.flatnonzero(left_out.labels == NORMAL)
        anomalous = np.flatnonzero(left_out.labels == ANOMALOUS)
        if alone or not len(normal) or not len(anomalous):
            return cls(None)
        evenly = normal[:: -(-len(normal) // _MOST_NORMAL)]
        chosen = np.zeros(len(left_out.labels), dtype=np.bool_)
        chosen[evenly] = chosen[anomalous] = True
        return cls(left_out.chosen(chosen))

    @staticmethod
    def is_due(step: int, steps: int) -> bool:
        """step: from 1."""
        return step * _TIMES // steps > (step - 1) * _TIMES // steps

    def figures(self, member: Reader, table: Vectors) -> dict[str, float]:
        """By name of the scalar: loss (cross-entropy, each class weighing the same), AUROC, and the
        F1 of the best threshold for these sessions. table: as in ``trainer.fit.learn``."""
        if self.sessions is None:
            return {}
        rows, labels = self.sessions.rows, self.sessions.labels
        places = [np.arange(len(row)) for row in rows]
        inputs = Inputs(places, self.sessions.features, self.sessions.session)
        scores = predict(member, table, rows, inputs)
        # Which leaves it as it is in use.
        member.train()
        of_label = np.where(labels == ANOMALOUS, scores, 1 - scores).clip(_NEAREST, 1)
        losses = [-np.log(of_label[labels == label]).mean() for label in (NORMAL, ANOMALOUS)]
        precision, recall, _ = precision_recall_curve(labels, scores)
        f1 = 2 * precision * recall / np.maximum(precision + recall, _NEAREST)
        return {
            "validation/loss": float(np.mean(losses)),
            "validation/auroc": float(roc_auc_score(labels, scores)),
            "validation/best_f1": float(f1.max()),
        }
