"""What it costs an agent to import a library for its configuration, its metrics or its logs, and to
read a configuration.

    python -m benchmarks.configuration

Each in a process of its own that has imported the agent's other modules, nine times; medians.
pydantic-settings and structlog are no dependencies: where they are not installed they are left out.
"""

import argparse
import statistics
import subprocess
import sys

_WAYS = {
    "nothing": "",
    "tomllib and dataclasses": "import tomllib, dataclasses",
    "msgspec": "import msgspec",
    "pydantic": "import pydantic; pydantic.BaseModel",
    "pydantic-settings": "import pydantic_settings; pydantic_settings.BaseSettings",
    "prometheus_client": "import prometheus_client",
    "agent.metrics.server": "import agent.metrics.server",
    "structlog": "import structlog; structlog.get_logger",
    "agent.config, with its model": (
        "from agent.config import configured; "
        "configured(file=None, paths=['x'], environment={'METALOG_IDLE': '3'})"
    ),
}
_MEASURED = """
import re, time
from pathlib import Path
import agent.delivery, agent.detector, agent.follow, agent.state, typer
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before, began = resident(), time.perf_counter()
{way}
print((resident() - before) / 1024, (time.perf_counter() - began) * 1000)
"""


def measure(way: str, turns: int) -> tuple[float, float] | None:
    """MiB resident and milliseconds; None where it cannot be imported."""
    costs = []
    for _ in range(turns):
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED.format(way=way)], capture_output=True, text=True
        )
        if done.returncode:
            return None
        costs.append([float(number) for number in done.stdout.split()])
    memory, seconds = (statistics.median(numbers) for numbers in zip(*costs, strict=True))
    return memory, seconds


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--turns", type=int, default=9)
    given = arguments.parse_args()
    print(f"{'':<30} MiB    ms")
    for name, way in _WAYS.items():
        found = measure(way, given.turns)
        cost = "not installed" if found is None else f"{found[0]:<5.1f} {found[1]:4.0f}"
        print(f"{name:<30}", cost)


if __name__ == "__main__":
    main()
