"""From a bundle's graph back to the weights that it was built from: the inverse of ``graph.build``.

So a bundle that training goes on from needs no second copy of its network, and the two cannot
differ.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from export.graph import NetworkShape
from models.errors import UserError

_Arrays = dict[str, NDArray[np.float32]]
_LINEAR = ("output", "pool", "head")
_TURNED = ("query", "key", "value", "project")


def weights_of(network: bytes, shape: NetworkShape) -> _Arrays:
    """Arrays under the names of ``Ensemble.state_dict()``, as they were given to ``build``; those
    of the severity path to the rounding of float32.

    network: content of network.onnx. Raises UserError where it is not the graph of such a shape.
    """
    try:
        model = onnx.load_from_string(network)
        # Copies: onnx gives arrays that nobody may write to.
        constants = {one.name: numpy_helper.to_array(one).copy() for one in model.graph.initializer}
        found: _Arrays = {}
        for member in range(shape.members):
            scope = f"member{member}/"
            own = {k.removeprefix(scope): v for k, v in constants.items() if k.startswith(scope)}
            weights = {**_recurrent(own, shape), **_others(own, shape)}
            found |= {f"members.{member}.{name}": value for name, value in weights.items()}
    except (KeyError, ValueError) as error:
        raise UserError(
            f"network.onnx: has not the weights of its manifest's network: {error}"
        ) from None
    return found


def _others(own: _Arrays, shape: NetworkShape) -> _Arrays:
    weights: _Arrays = {}
    for name in (*_LINEAR, *_TURNED):
        if f"{name}_matrix" in own:
            matrix = own[f"{name}_matrix"]
            weights[f"{name}.weight"] = matrix.T.copy() if name in _TURNED else matrix
        if f"{name}_bias" in own:
            weights[f"{name}.bias"] = own[f"{name}_bias"]
    if shape.session:
        weights["familiar"] = own["familiar_weight"]
    if shape.severity:
        # The inverse of softplus.
        positive = own["severity_weights"][:, 0].astype(np.float64)
        weights["severe"] = np.log(np.expm1(positive)).astype(np.float32)
        weights["severe_bias"] = own["severity_bias"]
    return weights


def _recurrent(own: _Arrays, shape: NetworkShape) -> _Arrays:
    weights: _Arrays = {}
    directions = ["ahead", "behind"] if shape.bidirectional else ["ahead"]
    for layer in range(shape.layers):
        for number, direction in enumerate(directions):
            name = f"recurrent.{layer}.{direction}"
            given, kept = np.split(own[f"layer{layer}_B"][number], 2)
            weights[f"{name}.weight_ih_l0"] = _gates(own[f"layer{layer}_W"][number])
            weights[f"{name}.weight_hh_l0"] = _gates(own[f"layer{layer}_R"][number])
            weights[f"{name}.bias_ih_l0"] = _gates(given)
            weights[f"{name}.bias_hh_l0"] = _gates(kept)
    return weights


def _gates(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of ONNX's gate order (update, reset, new) in torch's (reset, update, new)."""
    update, reset, new = np.split(value, 3)
    return np.concatenate([reset, update, new])
