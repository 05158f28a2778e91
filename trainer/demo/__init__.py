"""Logs of two invented systems with planted faults, for the demo and for tests.

Everything here needs NumPy alone, so that logs can be made where nothing is trained.
"""

from trainer.demo.block_store import block_store
from trainer.demo.system import DemoSession, DemoSystem
from trainer.demo.web_shop import web_shop

__all__ = ["DemoSession", "DemoSystem", "block_store", "web_shop"]
