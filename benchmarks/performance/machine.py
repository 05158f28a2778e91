"""What the figures belong to: the machine and the versions of what was measured."""

import os
import platform
import re
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

from benchmarks import tailer

_PACKAGES = ("drain3-improved", "numpy", "onnxruntime", "torch")


@dataclass(frozen=True)
class Machine:
    """cores: that this process may use. memory: GiB. versions: by name, Python's among them."""

    cpu: str
    cores: int
    memory: float
    kernel: str
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Self:
        versions = {"Python": platform.python_version()}
        for package in _PACKAGES:
            try:
                versions[package] = version(package)
            except PackageNotFoundError:
                continue
        tail = tailer.installed()
        if tail is not None:
            name, _, number = tail.partition(" ")
            versions[name] = number
        return cls(_cpu(), len(os.sched_getaffinity(0)), _memory(), platform.release(), versions)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        return cls(**found)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        cores = "one core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.cpu}, {cores}, {self.memory:g} GiB; Linux {self.kernel}; {versions}"


def _cpu() -> str:
    # Some architectures give their processors no name there.
    found = re.search(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()


def _memory() -> float:
    found = re.search(r"^MemTotal:\s*(\d+) kB$", _text("/proc/meminfo"), re.MULTILINE)
    return round(int(found[1]) / 2**20, 1) if found else 0.0


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
