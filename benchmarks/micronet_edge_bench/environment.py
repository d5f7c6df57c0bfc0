"""Where a figure was measured."""

import os
import platform
from pathlib import Path

from micronet_edge.manifest import package_versions
from micronet_edge.metadata import DISTRIBUTION, tool_version


def environment() -> dict[str, object]:
    """CPU, cores, load, operating system and package versions of this machine."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {DISTRIBUTION: tool_version(), **package_versions()},
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
