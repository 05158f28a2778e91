"""The network as somebody would export it: torch's own GRU through ``torch.onnx.export``, run on
padded batches in order of arrival. What our graphs are held against, with the same weights."""

import io
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from models.reading import Reading
from models.runtime import open_graph
from models.words import Vectors
from tests.trainer.simple_step import Padded, SimpleNetwork
from trainer.network import Ensemble

BATCH = 256


class Indexed(nn.Module):
    """The network with its table of event vectors, as somebody would export it."""

    def __init__(self, network: Ensemble, table: Vectors) -> None:
        super().__init__()
        # The members with torch's own GRU: ours, for training, cannot be exported.
        self._members = nn.ModuleList(SimpleNetwork(network.config) for _ in network.networks())
        for simple, member in zip(self._members, network.networks(), strict=True):
            simple.load_state_dict(member.state_dict())
        self._config = network.config
        self._table = nn.Parameter(torch.from_numpy(table))

    def forward(self, events: Tensor, lengths: Tensor, features: Tensor, session: Tensor) -> Tensor:
        batch = Padded(
            events,
            lengths,
            lengths,
            lengths,
            features if self._config.features else None,
            session if self._config.session else None,
        )
        logits = torch.stack([member(self._table, batch) for member in self._members]).mean(dim=0)
        return torch.softmax(logits, dim=1)[:, 1]


class Exported:
    """``Indexed`` in ONNX Runtime, on padded batches in order of arrival."""

    def __init__(self, network: Ensemble, table: Vectors) -> None:
        config = network.config
        example = (
            torch.zeros((2, 3), dtype=torch.int64),
            torch.tensor([3, 2]),
            torch.zeros((2, 3, config.features)),
            torch.zeros((2, config.session)),
        )
        names = ["events", "lengths", "features", "session"]
        content = io.BytesIO()
        with warnings.catch_warnings():
            # That its sizes vary, and that a newer exporter exists.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Indexed(network, table).eval(),
                example,
                content,  # type: ignore[arg-type]
                input_names=names,
                output_names=["probability"],
                dynamic_axes={
                    "events": {0: "batch", 1: "length"},
                    "lengths": {0: "batch"},
                    "features": {0: "batch", 1: "length"},
                    "session": {0: "batch"},
                },
                dynamo=False,
            )
        self._session = open_graph("exported", content.getvalue(), "cpu")
        self._names = {one.name for one in self._session.get_inputs()}

    def run(self, reading: Reading) -> Vectors:
        """Probabilities, [sessions]."""
        starts = np.cumsum(reading.lengths) - reading.lengths
        found = []
        for start in range(0, len(starts), BATCH):
            lengths = reading.lengths[start : start + BATCH]
            steps = np.arange(lengths.max())
            real = steps < lengths[:, None]
            kinds = np.zeros(real.shape, dtype=np.int64)
            kinds[real] = reading.kinds[(starts[start : start + BATCH, None] + steps)[real]]
            feed = {
                "events": reading.events[kinds],
                "lengths": lengths,
                "features": reading.features[kinds],
                "session": reading.session[start : start + BATCH],
            }
            # Inputs of no width are not in the graph.
            feed = {name: value for name, value in feed.items() if name in self._names}
            found.append(self._session.run(None, feed)[0])
        return np.concatenate(found)
