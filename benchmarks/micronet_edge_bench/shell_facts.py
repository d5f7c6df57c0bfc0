"""The environment of a device with a shell but without Python."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from micronet_edge_bench.devices import Device
from micronet_edge_bench.results import Environment
from micronet_edge_bench.runner.facts import environment, governor

_FILES = ("proc/cpuinfo", "proc/meminfo", "proc/device-tree/model", "proc/sys/kernel/random/boot_id")
_GOVERNOR = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor"


def load_of(device: Device) -> float | None:
    """The load average of the last minute; None if the device hides it."""
    words = " ".join(_lines(device, "proc/loadavg")).split()
    return float(words[0]) if words else None


def environment_of(device: Device, load_before: float | None) -> Environment:
    """The environment of a connected device after the measurement, from the same files as in the runner."""
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as name:
        root = Path(name)
        cores = list(_cores(_copy(device, "proc/cpuinfo", root)))
        for path in (*_FILES[1:], *(_GOVERNOR.format(core) for core in cores)):
            _copy(device, path, root)
        found = environment(root)
        facts = device.facts()
        theirs = {
            **found,
            "cpu": found["cpu"] if cores else "unknown",
            "architecture": facts.architecture,
            "cores": len(cores),
            "affinity": cores,
            "governor": governor(root, cores),
            "system": facts.system,
            "python": None,
            "packages": {},
            "load_before": load_before,
            "load_after": load_of(device),
        }
        return msgspec.convert(theirs, Environment)


def _cores(cpuinfo: list[str]) -> Iterator[int]:
    for line in cpuinfo:
        name, _, value = (part.strip() for part in line.partition(":"))
        if name == "processor" and value.isdigit():
            yield int(value)


def _copy(device: Device, path: str, root: Path) -> list[str]:
    lines = _lines(device, path)
    if lines:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines


def _lines(device: Device, path: str) -> list[str]:
    """The lines of a file there; none if it is missing or not readable."""
    lines: list[str] = []
    return lines if device.run(["cat", f"/{path}"], lines.append) == 0 else []
