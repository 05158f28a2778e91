"""The network as three graphs that work step by step: fold, step and head.

They compute what ``export.graph`` does, of all members at once, for one-directional networks. What
does not depend on a session is multiplied out beforehand: the first layer's matrix is applied to
event vectors (fold); W_q and W_k of the attention become one matrix; and W_v is applied to the
weighted sum of the states and not to each of them, since the sum over the rows of the attention
comes first. ``parity`` checks them against torch.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto

from export.graph import NetworkShape, Weights
from export.nodes import FAR_BELOW, Nodes, Value
from models.session_inputs import FAMILIAR, SEVERITIES
from models.stepped_network import GATES, Steps
from models.words import Vectors

_FLOAT, _INT64 = TensorProto.FLOAT, TensorProto.INT64


def build_steps(
    shape: NetworkShape, weights: Weights, dimension: int, properties: Mapping[str, str]
) -> Steps:
    """weights: see ``export.graph.build``; dimension: of an event vector; properties: the metadata
    of the models. Raises ValueError for a bidirectional network.

    fold: vectors float32 [events, dimension] -> folded float32 [gates, members, events, hidden],
    all that the first layer's gates (reset, update, new) get from an event.
    step: folded_reset, ... float32 [members, events, hidden]; events int64 [batch]; parents int64
    [batch], rows of the states before; features float32 [batch, F]; state0, ... float32 [members,
    before, hidden] -> next0, ... [members, batch, hidden], a state for each layer. Of one member
    alone these have no axis of members.
    head: states float32 [members, prefixes, hidden] of the last layer; places int64 [batch,
    length], rows of them; past the end of a session its last one again; lengths int64 [batch];
    session float32 [batch, S] -> probability float32 [batch]; weights float32 [batch, length].
    """
    if shape.bidirectional:
        raise ValueError("a bidirectional network cannot be computed event by event")
    members = _Members(shape, weights)
    models = (
        _fold(members, dimension, properties),
        _step(members, properties),
        _head(members, properties),
    )
    return Steps(*(model.SerializeToString() for model in models))


class _Members:
    """The weights of all members, their arrays stacked along a new first axis."""

    def __init__(self, shape: NetworkShape, weights: Weights) -> None:
        self.shape = shape
        self._weights = weights

    def stacked(self, name: str) -> Vectors:
        """[members, ...]"""
        return np.stack([self._weights[f"members.{i}.{name}"] for i in range(self.shape.members)])

    def rows(self, name: str) -> Vectors:
        """Of a vector, [members, 1, size]: to be added to [members, n, size]."""
        return self.stacked(name)[:, None]

    def matrix(self, name: str) -> Vectors:
        """Of a linear layer, [members, from, to]: what is on the left is multiplied with it."""
        return self.stacked(name).swapaxes(1, 2)

    def gates(self, layer: int, name: str) -> Vectors:
        """Of a GRU matrix, [gates, members, from, hidden]; of a bias, [gates, members, 1, hidden].

        The gates are reset, update, new, as torch has them.
        """
        value = self.stacked(f"recurrent.{layer}.ahead.{name}_l0")
        value = value.reshape(self.shape.members, 3, self.shape.hidden, -1)
        return value.transpose(1, 0, 3, 2)

    def shifts(self, layer: int) -> Vectors:
        """What is added to the input of the gates: the new gate's other bias enters elsewhere."""
        shifts = self.gates(layer, "bias_ih").copy()
        shifts[:2] += self.gates(layer, "bias_hh")[:2]
        return shifts


def _fold(members: _Members, dimension: int, properties: Mapping[str, str]) -> onnx.ModelProto:
    graph, shape = Nodes(), members.shape
    vectors = "vectors"
    if shape.session:
        lengths = graph.add("ReduceL2", [vectors], "lengths", axes=[1], keepdims=1)
        least = graph.constant("least_length", np.float32(1e-6))
        unit = graph.add("Div", [vectors, graph.add("Max", [lengths, least], "positive")], "unit")
        wanted = graph.constant("unit_length", np.float32(shape.unit_length))
        scaled = graph.add("Mul", [unit, wanted], "scaled")
        turned = _linear(graph, members, "project", scaled)
        vectors = graph.add("Tanh", [turned], "projection")
    # Behind the vector come the features, which the step multiplies.
    matrix = members.gates(0, "weight_ih")
    matrix = matrix[:, :, : matrix.shape[2] - shape.features]
    turned = graph.add("MatMul", [vectors, graph.constant("matrix", matrix)], "turned")
    graph.add("Add", [turned, graph.constant("shifts", members.shifts(0))], "folded")
    size: list[int | str] = [len(GATES), shape.members, "events", shape.hidden]
    return graph.model(
        {"vectors": (_FLOAT, ["events", dimension])}, {"folded": (_FLOAT, size)}, properties
    )


def _step(members: _Members, properties: Mapping[str, str]) -> onnx.ModelProto:
    graph, shape = Nodes(), members.shape
    lead: list[int | str] = [] if shape.members == 1 else [shape.members]
    read = [
        graph.add("Gather", [f"folded_{gate}", "events"], f"read_{gate}", axis=len(lead))
        for gate in GATES
    ]
    if shape.features:
        matrices = members.gates(0, "weight_ih")[:, :, -shape.features :]
        read = [
            _product(graph, "features", matrix, said, f"read_all_{gate}")
            for gate, matrix, said in zip(GATES, matrices, read, strict=True)
        ]
    state = ""
    for layer in range(shape.layers):
        graph.scope = f"layer{layer}/"
        if layer:
            parts = zip(
                GATES, members.gates(layer, "weight_ih"), members.shifts(layer), strict=True
            )
            read = [
                _product(graph, state, matrix, shift, f"read_{gate}")
                for gate, matrix, shift in parts
            ]
        state = _gru(graph, members, layer, read)
    known: Value = (_FLOAT, [*lead, "known", shape.hidden])
    before: Value = (_FLOAT, [*lead, "before", shape.hidden])
    after: Value = (_FLOAT, [*lead, "batch", shape.hidden])
    return graph.model(
        {
            **{f"folded_{gate}": known for gate in GATES},
            "events": (_INT64, ["batch"]),
            "parents": (_INT64, ["batch"]),
            "features": (_FLOAT, ["batch", shape.features]),
            **{f"state{layer}": before for layer in range(shape.layers)},
        },
        {f"next{layer}": after for layer in range(shape.layers)},
        properties,
    )


def _gru(graph: Nodes, members: _Members, layer: int, read: list[str]) -> str:
    """States after an event. read: what it says to each gate, [members, batch, hidden].

    Gates apart: one product for all of them would have to be cut into pieces, which are copies.
    """
    hidden = members.gates(layer, "weight_hh")
    alone = members.shape.members == 1
    before = graph.add("Gather", [f"state{layer}", "parents"], "before", axis=0 if alone else 1)
    reset, update = (
        graph.add(
            "Sigmoid", [_product(graph, before, hidden[i], read[i], f"{GATES[i]}_sum")], GATES[i]
        )
        for i in (0, 1)
    )
    bias = members.gates(layer, "bias_hh")[2]
    old = graph.add("Mul", [reset, _product(graph, before, hidden[2], bias, "old")], "remembered")
    new = graph.add("Tanh", [graph.add("Add", [read[2], old], "new_sum")], "new")
    # (1 - update) new + update before
    rest = graph.add("Mul", [update, graph.add("Sub", [before, new], "difference")], "rest")
    graph.scope = ""
    return graph.add("Add", [new, rest], f"next{layer}")


def _product(graph: Nodes, inputs: str, matrix: Vectors, plus: str | Vectors, name: str) -> str:
    """inputs x matrix + plus; matrix: [members, from, to]; plus: a result, or [members, 1, to].

    Of one member alone all is without that axis, and this one operator: the fastest form by 15 to
    35 %.
    """
    alone = len(matrix) == 1
    if not isinstance(plus, str):
        plus = graph.constant(f"{name}_bias", plus[0] if alone else plus)
    constant = graph.constant(f"{name}_matrix", matrix[0] if alone else matrix)
    if alone:
        return graph.add("Gemm", [inputs, constant, plus], name)
    product = graph.add("MatMul", [inputs, constant], f"{name}_product")
    return graph.add("Add", [product, plus], name)


def _head(members: _Members, properties: Mapping[str, str]) -> onnx.ModelProto:
    graph, shape = Nodes(), members.shape
    hidden = graph.add("Gather", ["states", "places"], "hidden", axis=1)
    size = graph.add("Shape", ["places"], "size")
    length = graph.add("Gather", [size, graph.constant("second", np.int64(1))], "length")
    zero, one = graph.constant("zero", np.int64(0)), graph.constant("one", np.int64(1))
    steps = graph.add("Range", [zero, length, one], "steps")
    ends = graph.add("Unsqueeze", ["lengths", graph.integers("axis_one", 1)], "ends")
    mask = graph.add("Less", [steps, ends], "mask")
    count = graph.add("Cast", [ends], "count", to=_FLOAT)
    evenly = graph.add("Div", [graph.add("Cast", [mask], "real", to=_FLOAT), count], "evenly")
    if shape.attention == "none":
        graph.add("Identity", [evenly], "weights")
        # Past the end stands the last state again.
        pooled = graph.add(
            "Gather", [hidden, graph.constant("end", np.int64(-1))], "pooled", axis=2
        )
    else:
        pooled = _attend(graph, members, hidden, mask, evenly)
        if shape.pooling == "sum":
            pooled = graph.add("Mul", [pooled, count], "summed")
    logits = (_judge if shape.session else _classify)(graph, members, pooled, hidden)
    mean = graph.add("ReduceMean", [logits], "mean", axes=[0], keepdims=0)
    classes = graph.add("Softmax", [mean], "classes", axis=1)
    graph.add("Gather", [classes, graph.constant("anomalous", np.int64(1))], "probability", axis=1)
    return graph.model(
        {
            "states": (_FLOAT, [shape.members, "prefixes", shape.hidden]),
            "places": (_INT64, ["batch", "length"]),
            "lengths": (_INT64, ["batch"]),
            "session": (_FLOAT, ["batch", shape.session]),
        },
        {"probability": (_FLOAT, ["batch"]), "weights": (_FLOAT, ["batch", "length"])},
        properties,
    )


def _attend(graph: Nodes, members: _Members, hidden: str, mask: str, evenly: str) -> str:
    """Mean over the events of what each attends to, without W_v: [members, batch, hidden]."""
    shape = members.shape
    query, key = (members.stacked(f"{name}.weight").astype(np.float64) for name in ("query", "key"))
    both = query.swapaxes(1, 2) @ key
    if shape.scaled:
        both /= np.sqrt(shape.hidden)
    matrix = graph.constant("query_key", both.astype(np.float32)[:, None])
    asked = graph.add("MatMul", [hidden, matrix], "asked")
    turned = graph.add("Transpose", [hidden], "turned", perm=[0, 1, 3, 2])
    scores = graph.add("MatMul", [asked, turned], "scores")
    nothing, below = graph.constant("nothing", np.float32(0)), graph.constant("below", FAR_BELOW)
    penalty = graph.add("Where", [mask, nothing, below], "penalty")
    axis = graph.integers("row_axis", 1)
    columns = graph.add("Unsqueeze", [penalty, axis], "penalty_of_columns")
    masked = graph.add("Add", [scores, columns], "masked_scores")
    attention = graph.add("Softmax", [masked], "attention", axis=3)
    # Each real row counts as much, and those past the end not at all.
    rows = graph.add("Unsqueeze", [evenly, axis], "share_of_rows")
    received = graph.add("MatMul", [rows, attention], "received")
    graph.add("ReduceMean", [received], "weights", axes=[0, 2], keepdims=0)
    mixed = graph.add("MatMul", [received, hidden], "mixed")
    return graph.add("Squeeze", [mixed, graph.integers("mixed_axis", 2)], "pooled")


def _behind_attention(members: _Members, matrix: Vectors) -> Vectors:
    """A matrix [members, hidden, to] that reads the pooled state, with W_v before it."""
    if members.shape.attention != "value":
        return matrix
    value = members.matrix("value.weight").astype(np.float64)
    return (value @ matrix).astype(np.float32)


def _classify(graph: Nodes, members: _Members, pooled: str, hidden: str) -> str:
    matrix = _behind_attention(members, members.matrix("output.weight"))
    turned = graph.add("MatMul", [pooled, graph.constant("output_matrix", matrix)], "output")
    bias = graph.constant("output_bias", members.rows("output.bias"))
    logits = graph.add("Add", [turned, bias], "logits")
    return graph.add("Tanh", [logits], "squashed") if members.shape.tanh else logits


def _judge(graph: Nodes, members: _Members, pooled: str, hidden: str) -> str:
    shape = members.shape
    # Past the end stands the last state again, so it cannot be the largest because of that.
    largest = graph.add("ReduceMax", [hidden], "largest", axes=[2], keepdims=0)
    both = graph.add("Concat", [pooled, largest], "both", axis=2)
    matrix = members.matrix("pool.weight").copy()
    matrix[:, : shape.hidden] = _behind_attention(members, matrix[:, : shape.hidden])
    turned = graph.add("MatMul", [both, graph.constant("pool_matrix", matrix)], "pool")
    bias = graph.constant("pool_bias", members.rows("pool.bias"))
    order = graph.add("Tanh", [graph.add("Add", [turned, bias], "pool_shifted")], "order")
    numbers = graph.add("Tanh", [_linear(graph, members, "head", "session")], "numbers")
    read = graph.add("Concat", [numbers, order], "read", axis=2)
    logit = _linear(graph, members, "output", read)
    known = graph.add(
        "Gather", ["session", graph.integers("familiar_place", FAMILIAR)], "known", axis=1
    )
    gate = graph.constant("familiar_weight", members.rows("familiar"))
    logit = graph.add("Add", [logit, graph.add("Mul", [known, gate], "familiar")], "logit")
    if shape.severity:
        places = graph.integers("severity_places", *SEVERITIES)
        read = graph.add("Gather", ["session", places], "severities", axis=1)
        # Softplus: what makes a session look worse can only raise its score.
        positive = np.logaddexp(members.stacked("severe"), 0, dtype=np.float32)[:, :, None]
        turned = graph.add("MatMul", [read, graph.constant("severe_matrix", positive)], "severe")
        bias = graph.constant("severe_bias", members.rows("severe_bias"))
        severe = graph.add("Add", [turned, bias], "severe_shifted")
        logit = graph.add("Add", [logit, severe], "raised_logit")
    nothing = graph.add("Sub", [logit, logit], "normal_logit")
    return graph.add("Concat", [nothing, logit], "member_logits", axis=2)


def _linear(graph: Nodes, members: _Members, name: str, inputs: str) -> str:
    """A linear layer of each member: [n, from] or [members, n, from] to [members, n, to]."""
    matrix = graph.constant(f"{name}_matrix", members.matrix(f"{name}.weight"))
    bias = graph.constant(f"{name}_bias", members.rows(f"{name}.bias"))
    turned = graph.add("MatMul", [inputs, matrix], f"{name}_turned")
    return graph.add("Add", [turned, bias], f"{name}_shifted")
