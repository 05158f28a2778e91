"""The agent's configuration: a file, the environment and the command line, the last the strongest.

``toml_file`` and ``environment`` refuse what is no key; ``configuration`` says what holds. What it
comes to, bundles and sinks and files, is put together in ``agent.assembly``.
"""

from agent.config.configuration import (
    DEFAULT_FILE,
    Configuration,
    InputSettings,
    Origin,
    SinkSettings,
    configured,
    file_to_read,
)
from agent.config.layers import Source

__all__ = [
    "DEFAULT_FILE",
    "Configuration",
    "InputSettings",
    "Origin",
    "SinkSettings",
    "Source",
    "configured",
    "file_to_read",
]
