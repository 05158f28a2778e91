"""Nodes of an ONNX graph in the making."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OPSET = 17
# What masks put in the place of a score or a state that must not count.
FAR_BELOW = np.float32(-1e9)


# Element type and shape; a name in the place of a size that is not fixed.
Value = tuple[int, Sequence[int | str]]


class Nodes:
    """Nodes and initializers. scope: put before names, one for each member."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.scope = ""

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        name = self.scope + name
        self.initializers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def integers(self, name: str, *values: int) -> str:
        return self.constant(name, np.array(values, dtype=np.int64))

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        output = self.scope + output
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def model(
        self,
        inputs: Mapping[str, Value],
        outputs: Mapping[str, Value],
        properties: Mapping[str, str],
    ) -> onnx.ModelProto:
        """The model, checked. inputs, outputs: type and shape by name; properties: metadata."""
        value = helper.make_tensor_value_info
        model = helper.make_model(
            helper.make_graph(
                self.nodes,
                "metalog",
                [value(name, kind, shape) for name, (kind, shape) in inputs.items()],
                [value(name, kind, shape) for name, (kind, shape) in outputs.items()],
                self.initializers,
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="metalog",
            ir_version=8,
        )
        helper.set_model_props(model, dict(properties))
        onnx.checker.check_model(model, full_check=True)
        return model
