"""Python's garbage collector, as it suits a process that reads lines."""

import gc


def settle_collector() -> None:
    """To be called when all is set up. Lines by the thousand would otherwise have the collector
    look at all open sessions again and again; there are no cycles among them."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
