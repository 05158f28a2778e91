"""How many threads torch may use."""

import os

import torch

_SAID = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def settle_threads() -> None:
    """One thread, unless the environment says another number.

    A step of training is hundreds of products of small matrices. On two cores a second thread that
    spins while it waits, as those of OpenMP do, made a step 4 times slower, and 40 times where
    something else wanted that core; one that sleeps instead (OMP_WAIT_POLICY=PASSIVE) half as slow
    again as no second thread at all. Several trainings side by side use the cores better.
    """
    if not any(os.environ.get(name) for name in _SAID):
        torch.set_num_threads(1)
