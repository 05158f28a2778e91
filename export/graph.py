"""The network as an ONNX graph, written node by node.

Written with ``onnx.helper`` and not exported by tracing: the graph stays readable, has no fixed
sizes, and the exporter's GRU was wrong in one of its releases (onnxscript issue 2852). ``parity``
checks it against torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from export.nodes import FAR_BELOW, Nodes
from models.session_inputs import FAMILIAR, SEVERITIES
from models.words import Vectors

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """What of the network's configuration decides the graph; see trainer.network.

    unit_length: length that event vectors are brought to where ``session`` > 0.
    """

    hidden: int
    layers: int
    bidirectional: bool
    features: int
    attention: str
    scaled: bool
    pooling: str
    tanh: bool
    session: int = 0
    severity: bool = False
    members: int = 1
    unit_length: float = 1.0


@dataclass(frozen=True, slots=True)
class _Shared:
    """Names of what all members read. mask: bool [batch, length]; real: the same as float, column:
    [batch, length, 1]; rows: bool [batch, 1, length]; ends: int64 [batch, 1]; count: float."""

    vectors: str
    lengths: str
    mask: str
    real: str
    column: str
    rows: str
    ends: str
    count: str
    one: str
    two: str


def build(
    shape: NetworkShape, weights: Weights, table: Vectors, properties: Mapping[str, str]
) -> onnx.ModelProto:
    """The graph of one network (or several, whose logits are averaged) and one event table.

    weights: arrays under the names of ``Ensemble.state_dict()``. table: float32
    [events, dimension]; properties: the metadata of the model.

    Inputs: event_ids int64 [batch, length]; lengths int64 [batch]; features float32
    [batch, length, F]; session float32 [batch, S]; host_vectors float32 [host events, dimension],
    at least one row: ids from ``events`` on are its rows. Outputs: probability float32 [batch];
    weights float32 [batch, length], zero past a session's length.
    """
    graph = Nodes()
    graph.constant("event_table", table.astype(np.float32))
    shared = _share(graph)
    logits, attentions = [], []
    for member in range(shape.members):
        prefix = f"members.{member}."
        own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        graph.scope = f"member{member}/"
        logit, attention = _member(graph, shape, own, shared)
        logits.append(logit)
        attentions.append(attention)
    graph.scope = ""
    mean = graph.add("Mean", logits, "logits")
    graph.add("Mean", attentions, "weights")
    classes = graph.add("Softmax", [mean], "classes", axis=1)
    graph.add("Gather", [classes, graph.constant("anomalous", np.int64(1))], "probability", axis=1)

    return graph.model(
        {
            "event_ids": (TensorProto.INT64, ["batch", "length"]),
            "lengths": (TensorProto.INT64, ["batch"]),
            "features": (TensorProto.FLOAT, ["batch", "length", shape.features]),
            "session": (TensorProto.FLOAT, ["batch", shape.session]),
            "host_vectors": (TensorProto.FLOAT, ["host_events", table.shape[1]]),
        },
        {
            "probability": (TensorProto.FLOAT, ["batch"]),
            "weights": (TensorProto.FLOAT, ["batch", "length"]),
        },
        properties,
    )


def _share(graph: Nodes) -> _Shared:
    all_vectors = graph.add("Concat", ["event_table", "host_vectors"], "all_vectors", axis=0)
    one, two = graph.integers("axis_one", 1), graph.integers("axis_two", 2)
    length = graph.add(
        "Gather",
        [graph.add("Shape", ["event_ids"], "size"), graph.constant("second", np.int64(1))],
        "length",
    )
    zero, step = graph.constant("zero", np.int64(0)), graph.constant("step", np.int64(1))
    steps = graph.add("Range", [zero, length, step], "steps")
    ends = graph.add("Unsqueeze", ["lengths", one], "ends")
    mask = graph.add("Less", [steps, ends], "mask")
    real = graph.add("Cast", [mask], "mask_float", to=TensorProto.FLOAT)
    return _Shared(
        vectors=graph.add("Gather", [all_vectors, "event_ids"], "event_vectors", axis=0),
        lengths=graph.add("Cast", ["lengths"], "lengths_int32", to=TensorProto.INT32),
        mask=mask,
        real=real,
        column=graph.add("Unsqueeze", [real, two], "mask_column"),
        rows=graph.add("Unsqueeze", [mask, one], "mask_rows"),
        ends=ends,
        count=graph.add("Cast", [ends], "count", to=TensorProto.FLOAT),
        one=one,
        two=two,
    )


def _member(
    graph: Nodes, shape: NetworkShape, weights: Weights, shared: _Shared
) -> tuple[str, str]:
    """Logits [batch, 2] and attention weights [batch, length] of one network."""
    vectors = _project(graph, shape, weights, shared) if shape.session else shared.vectors
    if shape.features:
        vectors = graph.add("Concat", [vectors, "features"], "inputs", axis=2)
    hidden = _recurrent(graph, shape, weights, vectors, shared)
    pooled, attention = _attend(graph, shape, weights, hidden, shared)
    if shape.session:
        return _judge(graph, shape, weights, pooled, hidden, shared), attention
    logits = _linear(graph, weights, "output", pooled)
    return (graph.add("Tanh", [logits], "squashed") if shape.tanh else logits), attention


def _linear(graph: Nodes, weights: Weights, name: str, inputs: str) -> str:
    matrix = graph.constant(f"{name}_matrix", weights[f"{name}.weight"])
    bias = graph.constant(f"{name}_bias", weights[f"{name}.bias"])
    return graph.add("Gemm", [inputs, matrix, bias], name, transB=1)


def _project(graph: Nodes, shape: NetworkShape, weights: Weights, shared: _Shared) -> str:
    lengths = graph.add("ReduceL2", [shared.vectors], "vector_lengths", axes=[2], keepdims=1)
    least = graph.constant("least_length", np.float32(1e-6))
    lengths = graph.add("Max", [lengths, least], "positive_lengths")
    unit = graph.add("Div", [shared.vectors, lengths], "unit_vectors")
    wanted = graph.constant("unit_length", np.float32(shape.unit_length))
    scaled = graph.add("Mul", [unit, wanted], "scaled_vectors")
    matrix = graph.constant("project_matrix", weights["project.weight"].T)
    turned = graph.add("MatMul", [scaled, matrix], "projected")
    bias = graph.constant("project_bias", weights["project.bias"])
    return graph.add("Tanh", [graph.add("Add", [turned, bias], "shifted")], "projection")


def _judge(
    graph: Nodes,
    shape: NetworkShape,
    weights: Weights,
    pooled: str,
    hidden: str,
    shared: _Shared,
) -> str:
    below = graph.constant("far_below_state", FAR_BELOW)
    column = graph.add("Unsqueeze", [shared.mask, shared.two], "mask_column_bool")
    masked = graph.add("Where", [column, hidden, below], "masked_states")
    largest = graph.add("ReduceMax", [masked], "largest_state", axes=[1], keepdims=0)
    read = graph.add("Concat", [pooled, largest], "read", axis=1)
    order = graph.add("Tanh", [_linear(graph, weights, "pool", read)], "order")
    numbers = graph.add("Tanh", [_linear(graph, weights, "head", "session")], "numbers")
    both = graph.add("Concat", [numbers, order], "both", axis=1)
    logit = _linear(graph, weights, "output", both)
    place = graph.integers("familiar_place", FAMILIAR)
    known = graph.add("Gather", ["session", place], "familiar_number", axis=1)
    gate = graph.constant("familiar_weight", weights["familiar"])
    familiar = graph.add("Mul", [known, gate], "familiar")
    logit = graph.add("Add", [logit, familiar], "logit")
    if shape.severity:
        severe = _severe(graph, weights)
        logit = graph.add("Add", [logit, severe], "raised_logit")
    nothing = graph.add("Sub", [logit, logit], "normal_logit")
    return graph.add("Concat", [nothing, logit], "member_logits", axis=1)


def _severe(graph: Nodes, weights: Weights) -> str:
    places = graph.integers("severity_places", *SEVERITIES)
    read = graph.add("Gather", ["session", places], "severities", axis=1)
    # Softplus: what makes a session look worse can only raise its score.
    positive = np.logaddexp(weights["severe"], 0, dtype=np.float32)[:, None]
    matrix = graph.constant("severity_weights", positive)
    bias = graph.constant("severity_bias", weights["severe_bias"])
    return graph.add("Gemm", [read, matrix, bias], "severe")


def _recurrent(
    graph: Nodes, shape: NetworkShape, weights: Weights, inputs: str, shared: _Shared
) -> str:
    """GRU layers: [batch, length, width] to [batch, length, directions x hidden]."""
    current = graph.add("Transpose", [inputs], "time_major", perm=[1, 0, 2])
    directions = ["ahead", "behind"] if shape.bidirectional else ["ahead"]
    for layer in range(shape.layers):
        prefix = f"layer{layer}"
        names = [f"recurrent.{layer}.{direction}" for direction in directions]
        stacked = {
            part: graph.constant(
                f"{prefix}_{part}", np.stack([_gates(weights[f"{n}.{key}"]) for n in names])
            )
            for part, key in (("W", "weight_ih_l0"), ("R", "weight_hh_l0"))
        }
        bias = np.stack(
            [
                np.concatenate(
                    [_gates(weights[f"{n}.bias_ih_l0"]), _gates(weights[f"{n}.bias_hh_l0"])]
                )
                for n in names
            ]
        )
        shift = graph.constant(f"{prefix}_B", bias)
        output = graph.add(
            "GRU",
            [current, stacked["W"], stacked["R"], shift, shared.lengths],
            f"{prefix}_states",
            hidden_size=shape.hidden,
            linear_before_reset=1,
            direction="bidirectional" if shape.bidirectional else "forward",
        )
        # [length, directions, batch, hidden] -> [length, batch, directions x hidden]
        swapped = graph.add("Transpose", [output], f"{prefix}_swapped", perm=[0, 2, 1, 3])
        size = graph.integers(f"{prefix}_size", 0, 0, shape.hidden * len(directions))
        current = graph.add("Reshape", [swapped, size], f"{prefix}_output")
    return graph.add("Transpose", [current], "hidden", perm=[1, 0, 2])


def _gates(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of torch's gate order (reset, update, new) in ONNX's (update, reset, new)."""
    reset, update, new = np.split(value, 3)
    return np.concatenate([update, reset, new])


def _attend(
    graph: Nodes, shape: NetworkShape, weights: Weights, hidden: str, shared: _Shared
) -> tuple[str, str]:
    """Eq. 4 behind the recurrent part: pooled state [batch, width], weights [batch, length]."""
    width = shape.hidden * (2 if shape.bidirectional else 1)
    if shape.attention == "none":
        evenly = graph.add("Div", [shared.real, shared.count], "evenly")
        return _last_state(graph, width, hidden, shared), evenly

    def project(name: str) -> str:
        matrix = graph.constant(f"{name}_matrix", weights[f"{name}.weight"].T)
        return graph.add("MatMul", [hidden, matrix], name)

    query, key = project("query"), project("key")
    value = project("value") if shape.attention == "value" else hidden
    turned = graph.add("Transpose", [key], "key_turned", perm=[0, 2, 1])
    scores = graph.add("MatMul", [query, turned], "scores")
    if shape.scaled:
        root = graph.constant("root", np.float32(np.sqrt(width)))
        scores = graph.add("Div", [scores, root], "scaled_scores")
    below = graph.constant("far_below", FAR_BELOW)
    masked = graph.add("Where", [shared.rows, scores, below], "masked_scores")
    attention = graph.add("Softmax", [masked], "attention", axis=2)
    seen = graph.add("Mul", [attention, shared.column], "attention_of_events")
    # How much of the session's pooled state came from each event: the mean over real rows.
    received = graph.add("ReduceSum", [seen, shared.one], "received", keepdims=0)
    share = graph.add("Div", [received, shared.count], "share")
    mixed = graph.add("MatMul", [seen, value], "mixed")
    pooled = graph.add("ReduceSum", [mixed, shared.one], "summed", keepdims=0)
    if shape.pooling == "mean":
        pooled = graph.add("Div", [pooled, shared.count], "pooled")
    return pooled, share


def _last_state(graph: Nodes, width: int, hidden: str, shared: _Shared) -> str:
    """One-directional: the state after the last event has read all of the session."""
    last = graph.add("Sub", [shared.ends, shared.one], "last_index")
    row = graph.add("Unsqueeze", [last, shared.two], "last_row")
    batch = graph.add("Shape", ["lengths"], "batch_size")
    size = graph.add("Concat", [batch, graph.integers("rest", 1, width)], "last_shape", axis=0)
    index = graph.add("Expand", [row, size], "last_spread")
    taken = graph.add("GatherElements", [hidden, index], "last_state", axis=1)
    return graph.add("Squeeze", [taken, shared.one], "last")
