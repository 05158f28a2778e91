"""The tiny bundle of the agent's tests."""

from tests.agent.conftest import bundle_path

__all__ = ["bundle_path"]
