"""The network as an ONNX graph, written node by node.

Written with ``onnx.helper`` and not exported by tracing: the graph stays readable, has no fixed
sizes, and the exporter's GRU was wrong in one of its releases (onnxscript issue 2852). ``parity``
checks it against torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.words import Vectors

OPSET = 17
_FAR_BELOW = np.float32(-1e9)

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """What of the network's configuration decides the graph; see trainer.network."""

    hidden: int
    layers: int
    bidirectional: bool
    features: int
    attention: str
    scaled: bool
    pooling: str
    tanh: bool


class _Graph:
    """Nodes and initializers in the making."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def integers(self, name: str, *values: int) -> str:
        return self.constant(name, np.array(values, dtype=np.int64))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def build(
    shape: NetworkShape, weights: Weights, table: Vectors, properties: Mapping[str, str]
) -> onnx.ModelProto:
    """The graph of one network and one event table.

    weights: arrays under the names of ``MetaLogNetwork.state_dict()``. table: float32
    [events, dimension]; properties: the metadata of the model.

    Inputs: event_ids int64 [batch, length]; lengths int64 [batch]; features float32
    [batch, length, F]; host_vectors float32 [host events, dimension], at least one row: ids from
    ``events`` on are its rows. Outputs: probability float32 [batch]; weights float32
    [batch, length], zero past a session's length.
    """
    graph = _Graph()
    dimension = table.shape[1]
    graph.constant("event_table", table.astype(np.float32))
    vectors = graph.add("Concat", ["event_table", "host_vectors"], "all_vectors", axis=0)
    looked_up = graph.add("Gather", [vectors, "event_ids"], "event_vectors", axis=0)
    inputs = looked_up
    if shape.features:
        inputs = graph.add("Concat", [looked_up, "features"], "inputs", axis=2)

    hidden = _recurrent(graph, shape, weights, inputs)
    mask = _mask(graph)
    pooled = _attend(graph, shape, weights, hidden, mask)
    logits = _classify(graph, shape, weights, pooled)
    classes = graph.add("Softmax", [logits], "classes", axis=1)
    graph.add("Gather", [classes, graph.constant("one", np.int64(1))], "probability", axis=1)

    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "metalog",
            [
                helper.make_tensor_value_info("event_ids", TensorProto.INT64, ["batch", "length"]),
                helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
                helper.make_tensor_value_info(
                    "features", TensorProto.FLOAT, ["batch", "length", shape.features]
                ),
                helper.make_tensor_value_info(
                    "host_vectors", TensorProto.FLOAT, ["host_events", dimension]
                ),
            ],
            [
                helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch"]),
                helper.make_tensor_value_info("weights", TensorProto.FLOAT, ["batch", "length"]),
            ],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="metalog",
        ir_version=8,
    )
    helper.set_model_props(model, dict(properties))
    onnx.checker.check_model(model, full_check=True)
    return model


def _recurrent(graph: _Graph, shape: NetworkShape, weights: Weights, inputs: str) -> str:
    """GRU layers: [batch, length, width] to [batch, length, directions x hidden]."""
    lengths = graph.add("Cast", ["lengths"], "lengths_int32", to=TensorProto.INT32)
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
        output = graph.add(
            "GRU",
            [current, stacked["W"], stacked["R"], graph.constant(f"{prefix}_B", bias), lengths],
            f"{prefix}_states",
            hidden_size=shape.hidden,
            linear_before_reset=1,
            direction="bidirectional" if shape.bidirectional else "forward",
        )
        # [length, directions, batch, hidden] -> [length, batch, directions x hidden]
        swapped = graph.add("Transpose", [output], f"{prefix}_swapped", perm=[0, 2, 1, 3])
        width = shape.hidden * len(directions)
        size = graph.integers(f"{prefix}_size", 0, 0, width)
        current = graph.add("Reshape", [swapped, size], f"{prefix}_output")
    return graph.add("Transpose", [current], "hidden", perm=[1, 0, 2])


def _gates(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of torch's gate order (reset, update, new) in ONNX's (update, reset, new)."""
    reset, update, new = np.split(value, 3)
    return np.concatenate([update, reset, new])


def _mask(graph: _Graph) -> str:
    """bool [batch, length], true where there is an event."""
    size = graph.add("Shape", ["event_ids"], "size")
    length = graph.add("Gather", [size, graph.constant("axis_one", np.int64(1))], "length_scalar")
    steps = graph.add(
        "Range",
        [graph.constant("zero", np.int64(0)), length, graph.constant("step", np.int64(1))],
        "steps",
    )
    ends = graph.add("Unsqueeze", ["lengths", graph.integers("last_axis", 1)], "ends")
    return graph.add("Less", [steps, ends], "mask")


def _attend(graph: _Graph, shape: NetworkShape, weights: Weights, hidden: str, mask: str) -> str:
    """Eq. 4 between the recurrent part and the classifier: [batch, width]; writes ``weights``."""
    width = shape.hidden * (2 if shape.bidirectional else 1)
    real = graph.add("Cast", [mask], "mask_float", to=TensorProto.FLOAT)
    column = graph.add("Unsqueeze", [real, graph.integers("axis_two", 2)], "mask_column")
    count = graph.add("Cast", ["ends"], "count", to=TensorProto.FLOAT)

    def project(name: str) -> str:
        matrix = graph.constant(f"{name}_matrix", weights[f"{name}.weight"].T)
        return graph.add("MatMul", [hidden, matrix], name)

    if shape.attention == "none":
        # One-directional: the state after the last event has read all of the session.
        last = graph.add("Sub", ["ends", graph.integers("back", 1)], "last_index")
        spread = graph.add("Unsqueeze", [last, "axis_two"], "last_row")
        shape_of = graph.add(
            "Concat",
            [
                graph.add("Shape", ["lengths"], "batch_size"),
                graph.integers("rest", 1, width),
            ],
            "last_shape",
            axis=0,
        )
        index = graph.add("Expand", [spread, shape_of], "last_spread")
        taken = graph.add("GatherElements", [hidden, index], "last_state", axis=1)
        graph.add("Div", [real, count], "weights")
        return graph.add("Squeeze", [taken, "last_axis"], "pooled")

    query, key = project("query"), project("key")
    value = project("value") if shape.attention == "value" else hidden
    turned = graph.add("Transpose", [key], "key_turned", perm=[0, 2, 1])
    scores = graph.add("MatMul", [query, turned], "scores")
    if shape.scaled:
        root = graph.constant("root", np.float32(np.sqrt(width)))
        scores = graph.add("Div", [scores, root], "scaled_scores")
    rows = graph.add("Unsqueeze", [mask, "last_axis"], "mask_rows")
    masked = graph.add(
        "Where", [rows, scores, graph.constant("far_below", _FAR_BELOW)], "masked_scores"
    )
    attention = graph.add("Softmax", [masked], "attention", axis=2)
    seen = graph.add("Mul", [attention, column], "attention_of_events")
    # How much of the session's pooled state came from each event: the mean over real rows.
    received = graph.add("ReduceSum", [seen, "last_axis"], "received", keepdims=0)
    graph.add("Div", [received, count], "weights")
    mixed = graph.add("MatMul", [seen, value], "mixed")
    pooled = graph.add("ReduceSum", [mixed, "last_axis"], "summed", keepdims=0)
    return graph.add("Div", [pooled, count], "pooled") if shape.pooling == "mean" else pooled


def _classify(graph: _Graph, shape: NetworkShape, weights: Weights, pooled: str) -> str:
    logits = graph.add(
        "Gemm",
        [
            pooled,
            graph.constant("output_matrix", weights["output.weight"]),
            graph.constant("output_bias", weights["output.bias"]),
        ],
        "logits",
        transB=1,
    )
    return graph.add("Tanh", [logits], "squashed") if shape.tanh else logits
