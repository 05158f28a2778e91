"""What training needs to go on as if it had never stopped."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from trainer.network import Ensemble
from trainer.run import Arrays


@dataclass(frozen=True)
class Moving:
    """All that a step changes. optimisers: of each member of the network; rng: decides batches."""

    network: Ensemble
    optimisers: list[torch.optim.AdamW]
    rng: np.random.Generator

    def arrays(self, step: int, steps: int, *, over: bool = False) -> Arrays:
        """For ``Run.save_checkpoint``. over: the threshold is known, too."""
        state: Arrays = {
            f"weight.{name}": value.cpu().numpy()
            for name, value in self.network.state_dict().items()
        }
        for member, optimiser in enumerate(self.optimisers):
            for number, moments in optimiser.state_dict()["state"].items():
                for name, value in moments.items():
                    state[f"adam.{member}.{number}.{name}"] = value.cpu().numpy()
        state["step"] = np.array(step)
        state["steps"] = np.array(steps)
        state["over"] = np.array(over)
        state["generator"] = np.array(json.dumps(self.rng.bit_generator.state))
        # What is left out in training is drawn from torch's own stream.
        state["torch_generator"] = torch.get_rng_state().numpy()
        return state

    def restore(self, arrays: Arrays) -> int:
        """As it was when these were made; returns the steps that were done."""
        self.network.load_state_dict(
            {name: torch.from_numpy(arrays[f"weight.{name}"]) for name in self.network.state_dict()}
        )
        moments: list[dict[int, dict[str, Any]]] = [{} for _ in self.optimisers]
        for name, value in arrays.items():
            if name.startswith("adam."):
                _, member, number, moment = name.split(".", 3)
                kept = moments[int(member)].setdefault(int(number), {})
                kept[moment] = torch.from_numpy(value.copy())
        for optimiser, state in zip(self.optimisers, moments, strict=True):
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        self.rng.bit_generator.state = json.loads(str(arrays["generator"]))
        torch.set_rng_state(torch.from_numpy(arrays["torch_generator"].copy()))
        return int(arrays["step"])
