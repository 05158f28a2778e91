"""The network of Eq. 4: GRU, self-attention, a non-linear layer."""

from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from export.graph import NetworkShape
from models.session_inputs import FAMILIAR, SEVERITIES
from trainer.batches import Batch
from trainer.reader import Reader
from trainer.recurrence import gated_states

_FAR_BELOW = -1e9
# Length of a vector that enters the projection, whatever Eq. 1 made of it.
UNIT_LENGTH = 5.0
_FAMILIAR = -3.0


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """What may vary in the network. The defaults are the paper's, where it fixes them.

    dimension: of an event vector. features: width F of the numbers beside each vector.
    attention: "value" (softmax(Q K^T) V: V is defined in Eq. 4 and unused, this is what must be
    meant), "hidden" (softmax(Q K^T) A_in, the formula to the letter) or "none" (the last state).
    scaled: divide Q K^T by the root of the width; Eq. 4 does not. pooling: "sum" over time, as
    Eq. 4, or "mean". tanh before the softmax, as the paper, keeps P between 0.12 and 0.88.
    bidirectional: the released code is, the paper does not say so.

    session: width of the numbers of a whole session, which enter behind the recurrent part; 0 is
    the paper's network, without them. With them: projection of each vector to that width; pooled:
    width of what is kept of the recurrent part (mean of the attention and largest state); head:
    width of the layer over the session's numbers. dropout, and in training the vectors of a session
    are left out with chance ``word_drop``, the recurrent part with ``path_drop``, each of the
    session's numbers with ``number_drop`` and each group of them with its ``group_drops``.
    severity: a second path reads how bad the session's words are, and can only raise the score.
    members: networks whose logits are averaged.
    """

    dimension: int
    features: int = 0
    hidden: int = 100
    layers: int = 2
    bidirectional: bool = False
    attention: Literal["value", "hidden", "none"] = "value"
    scaled: bool = False
    pooling: Literal["sum", "mean"] = "sum"
    tanh: bool = True
    session: int = 0
    projection: int = 32
    pooled: int = 24
    head: int = 32
    dropout: float = 0.1
    word_drop: float = 0.3
    path_drop: float = 0.5
    number_drop: float = 0.0
    group_drops: tuple[float, ...] = (0.1, 0.3, 0.4)
    severity: bool = False
    members: int = 1

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "group_drops": list(self.group_drops)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "NetworkConfig":
        return cls(**{**value, "group_drops": tuple(value["group_drops"])})

    def shape(self) -> NetworkShape:
        return NetworkShape(
            hidden=self.hidden,
            layers=self.layers,
            bidirectional=self.bidirectional,
            features=self.features,
            attention=self.attention,
            scaled=self.scaled,
            pooling=self.pooling,
            tanh=self.tanh,
            session=self.session,
            severity=self.severity,
            members=self.members,
            unit_length=UNIT_LENGTH,
        )


class MetaLogNetwork(Reader):
    """Sequences of event vectors to two logits (normal, anomalous).

    Padding never changes a score: there is none but in the attention, where the mask keeps it out.
    What depends on an event alone is computed once for each event of a batch.

    groups: int [session], the group that each of the session's numbers is left out with.
    """

    def __init__(self, config: NetworkConfig, groups: Tensor | None = None) -> None:
        super().__init__()
        if config.attention == "none" and config.bidirectional:
            raise ValueError("the last state of a bidirectional GRU has not read the session twice")
        self.config = config
        self.shares = not config.bidirectional
        directions = ["ahead", "behind"] if config.bidirectional else ["ahead"]
        width = config.hidden * len(directions)
        vector = config.projection if config.session else config.dimension
        sizes = [vector + config.features] + [width] * (config.layers - 1)
        self.recurrent = nn.ModuleList(
            nn.ModuleDict(
                OrderedDict(
                    (name, nn.GRU(size, config.hidden, batch_first=True)) for name in directions
                )
            )
            for size in sizes
        )
        if config.attention != "none":
            self.query = nn.Linear(width, width, bias=False)
            self.key = nn.Linear(width, width, bias=False)
            if config.attention == "value":
                self.value = nn.Linear(width, width, bias=False)
        if config.session:
            self._build_session(width, groups)
        else:
            self.output = nn.Linear(width, 2)

    def _build_session(self, width: int, groups: Tensor | None) -> None:
        config = self.config
        if groups is None:
            groups = torch.zeros(config.session, dtype=torch.int64)
        count = len(config.group_drops)
        belongs = nn.functional.one_hot(groups, count).T.float()
        self.register_buffer("belongs", belongs, persistent=False)
        self.project = nn.Linear(config.dimension, config.projection)
        self.pool = nn.Linear(2 * width, config.pooled)
        self.head = nn.Linear(config.session, config.head)
        self.output = nn.Linear(config.head + config.pooled, 1)
        self.drop = nn.Dropout(config.dropout)
        # The session's numbers speak first; the recurrent part has to earn its say.
        with torch.no_grad():
            self.output.weight[:, config.head :] = 0
        # How much a count vector that a normal session had speaks for this one; never left out.
        self.familiar = nn.Parameter(torch.tensor([_FAMILIAR]))
        if config.severity:
            self.severe = nn.Parameter(torch.full((len(SEVERITIES),), -2.0))
            self.severe_bias = nn.Parameter(torch.tensor([-2.0]))

    def read(self, table: Tensor, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        hidden = self._states(table, batch)
        asking = hidden
        if self.config.attention != "none":
            # (W_q h_i) (W_k h_j) in one product.
            asking = hidden @ (self.query.weight.t() @ self.key.weight)
        mixed, largest, weights = [], [], []
        group_lengths = batch.lengths.split_with_sizes([len(group) for group in batch.groups])
        for lengths, places in zip(group_lengths, batch.groups, strict=True):
            states = _at(hidden, places)
            mask = torch.arange(places.shape[1], device=places.device) < lengths[:, None]
            count = lengths[:, None].to(hidden)
            if self.config.attention == "none":
                mixed.append(states[torch.arange(len(lengths), device=lengths.device), lengths - 1])
                weights.append(mask / count)
            else:
                received = self._received(_at(asking, places), states, mask)
                pooled = (received @ states)[:, 0]
                mixed.append(pooled / count if self.config.pooling == "mean" else pooled)
                weights.append(received[:, 0] / count)
            if batch.session is not None:
                largest.append(states.masked_fill(~mask[:, :, None], _FAR_BELOW).amax(dim=1))
        pooled = torch.cat(mixed)
        if self.config.attention == "value":
            pooled = self.value(pooled)
        if batch.session is None:
            return self._classify(pooled), weights
        both = torch.cat([pooled, torch.cat(largest)], dim=1)
        return self._judge(both, batch.session.to(hidden)), weights

    def _received(self, asking: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """What each event of a session receives of the attention of all of them, [sessions, 1,
        length]. Eq. 4 sums what the events found; to sum first what they looked at is the same."""
        scores = asking @ states.transpose(1, 2)
        if self.config.scaled:
            scores = scores / states.shape[2] ** 0.5
        attention = torch.softmax(scores.masked_fill(~mask[:, None, :], _FAR_BELOW), dim=2)
        return mask[:, None, :].to(attention) @ attention

    def _states(self, table: Tensor, batch: Batch) -> Tensor:
        """Hidden states of the last layer, [N, width]."""
        vectors, event_of = table.index_select(0, batch.events), batch.event_of
        if self.config.session:
            vectors, event_of = self._projected(vectors, batch)
        current: Tensor | None = None
        for layer in self.recurrent:
            assert isinstance(layer, nn.ModuleDict)
            states = []
            for direction, unit in layer.items():
                # nn.GRU holds the weights, and its ways of drawing the first ones.
                assert isinstance(unit, nn.GRU)
                weight, own_weight, bias, own_bias = unit.all_weights[0]
                if current is None:
                    inputs = _first_inputs(weight, bias, vectors, event_of, batch.features)
                else:
                    inputs = nn.functional.linear(current, weight, bias)
                if direction == "behind":
                    inputs = inputs.index_select(0, batch.mirrored())
                found = gated_states(inputs, own_weight, own_bias, batch.steps)
                if direction == "behind":
                    found = found.index_select(0, batch.mirrored())
                states.append(found)
            current = states[0] if len(states) == 1 else torch.cat(states, dim=1)
        assert current is not None
        return current

    def _projected(self, vectors: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors of the batch's events, projected, and which of them each state has read."""
        lengths = vectors.norm(dim=1, keepdim=True).clamp(min=1e-6)
        unit = vectors * (UNIT_LENGTH / lengths)
        event_of = batch.event_of
        if self.training:
            if batch.owners is None:
                raise ValueError("events are left out by session: sessions cannot share states")
            # One event more, which stands for all that are left out.
            unit = torch.cat([unit, unit.new_zeros(1, unit.shape[1])])
            kept = self._keep(len(batch.lengths), self.config.word_drop)[:, 0] > 0
            event_of = torch.where(kept[batch.owners], event_of, len(vectors))
        return torch.tanh(self.project(unit)), event_of

    def _judge(self, read: Tensor, session: Tensor) -> Tensor:
        familiar = self.familiar * session[:, FAMILIAR, None]
        severe = self._severe(session) if self.config.severity else None
        if self.training:
            session = self._thinned(session)
        numbers = self.drop(torch.tanh(self.head(self.drop(session))))
        order = torch.tanh(self.pool(read))
        if self.training:
            order = order * self._keep(len(order), self.config.path_drop)
        logit = self.output(torch.cat([numbers, order], dim=1)) + familiar
        if severe is not None:
            logit = torch.stack([logit, severe], dim=2) if self.training else logit + severe
        return torch.cat([torch.zeros_like(logit), logit], dim=1)

    def _severe(self, session: Tensor) -> Tensor:
        severities = session[:, SEVERITIES]
        if self.training and self.config.number_drop:
            severities = severities * self._keep(len(SEVERITIES), self.config.number_drop).T
        weights = nn.functional.softplus(self.severe)
        return severities @ weights[:, None] + self.severe_bias

    def _thinned(self, session: Tensor) -> Tensor:
        drops = torch.tensor(self.config.group_drops)
        kept = (torch.rand(len(session), len(drops)) > drops).to(session)
        session = session * (kept @ self.get_buffer("belongs"))
        if self.config.number_drop:
            # The same ones for the whole batch: else each session would be told from the others by
            # what it lacks.
            session = session * self._keep(session.shape[1], self.config.number_drop).T
        return session

    def _keep(self, size: int, drop: float) -> Tensor:
        return (torch.rand(size, 1) > drop).to(self.output.weight)

    def _classify(self, pooled: Tensor) -> Tensor:
        logits: Tensor = self.output(pooled)
        return torch.tanh(logits) if self.config.tanh else logits


class Ensemble(Reader):
    """Networks whose logits are averaged. One network alone is an ensemble of one."""

    def __init__(self, config: NetworkConfig, groups: Tensor | None = None) -> None:
        super().__init__()
        self.config = config
        self.shares = not config.bidirectional
        self.members = nn.ModuleList(MetaLogNetwork(config, groups) for _ in range(config.members))

    def read(self, table: Tensor, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        logits, weights = zip(*(one.read(table, batch) for one in self.networks()), strict=True)
        means = [torch.stack(of_group).mean(dim=0) for of_group in zip(*weights, strict=True)]
        return torch.stack(logits).mean(dim=0), means

    def networks(self) -> list[MetaLogNetwork]:
        """The members, in their order."""
        return [member for member in self.members if isinstance(member, MetaLogNetwork)]


def _at(states: Tensor, places: Tensor) -> Tensor:
    """[N, width] and [sessions, length] to [sessions, length, width]."""
    return states.index_select(0, places.flatten()).view(*places.shape, -1)


def _first_inputs(
    weight: Tensor, bias: Tensor, vectors: Tensor, event_of: Tensor, features: Tensor | None
) -> Tensor:
    """W_ih x + b_ih of each state, [N, 3 x hidden], where x is an event's vector beside features.

    vectors: [events, width], each multiplied once.
    """
    width = vectors.shape[1]
    inputs = nn.functional.linear(vectors, weight[:, :width], bias).index_select(0, event_of)
    if features is None:
        return inputs
    return torch.addmm(inputs, features.to(inputs), weight[:, width:].t())
