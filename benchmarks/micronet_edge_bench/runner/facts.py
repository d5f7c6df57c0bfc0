"""The environment of a measurement: facts of this machine, without its name."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("numpy", "onnxruntime", "ai-edge-litert", "tflite-runtime", "tensorflow")
_ARM, _IMPLEMENTERS = "0x41", {"0x41": "Arm", "0x51": "Qualcomm", "0x53": "Samsung", "0x61": "Apple"}
_ARM_PARTS = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd0d": "Cortex-A77",
    "0xd40": "Neoverse-V1",
    "0xd41": "Cortex-A78",
    "0xd44": "Cortex-X1",
    "0xd46": "Cortex-A510",
    "0xd47": "Cortex-A710",
    "0xd48": "Cortex-X2",
    "0xd49": "Neoverse-N2",
    "0xd4d": "Cortex-A715",
    "0xd4e": "Cortex-X3",
}


def environment(root: Path = Path("/")) -> dict[str, object]:
    """The machine and its installed packages; None for what cannot be read.

    Given    `root`, the folder of /proc, /sys and /etc
    """
    cores = _affinity()
    return {
        "machine": _machine(root),
        "cpu": cpu_model(root),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "affinity": cores,
        "governor": governor(root, cores),
        **_memory(root),
        "system": _system(),
        "python": platform.python_version(),
        "packages": _packages(),
    }


def passing_facts(root: Path = Path("/")) -> dict[str, object]:
    """The facts that change during a measurement: the load, and the clocks of the usable cores."""
    return {"load_average": _load(), "frequencies_khz": _frequencies(root, _affinity())}


def cpu_model(root: Path = Path("/")) -> str:
    """The CPU's name: x86 reports it; elsewhere the board's name and that of its cores."""
    fields = _cpu_fields(root)
    cores = _arm_cores(fields)
    named = [] if cores else fields.get("model name", [])
    board = (*fields.get("Model", []), _text(root / "proc/device-tree/model"), *fields.get("Hardware", []))
    names = named or [name for name in (next(filter(None, board), None), cores) if name]
    return ", ".join(names) or platform.processor() or "unknown"


def governor(root: Path, cores: list[int]) -> str | None:
    """The frequency governor of the cores; several are separated by commas."""
    paths = (root / f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor" for core in cores)
    found = {text for text in map(_text, paths) if text}
    return ", ".join(sorted(found)) or None


def _cpu_fields(root: Path) -> dict[str, list[str]]:
    """The fields of /proc/cpuinfo, each with its distinct values in order."""
    fields: dict[str, list[str]] = {}
    for line in (_text(root / "proc/cpuinfo") or "").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if value and value not in fields.setdefault(name, []):
            fields[name].append(value)
    return fields


def _arm_cores(fields: dict[str, list[str]]) -> str:
    """The types of cores; Arm reports numbers instead of names."""
    implementers, parts = fields.get("CPU implementer", []), fields.get("CPU part", [])
    known = _ARM_PARTS if implementers == [_ARM] else {}
    makers = "/".join(_IMPLEMENTERS.get(each, f"implementer {each}") for each in implementers)
    return f"{makers} {'/'.join(known.get(part, f'part {part}') for part in parts)}".strip()


def _affinity() -> list[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _load() -> list[float] | None:
    """The load averages of the last 1, 5 and 15 minutes; Android hides them."""
    try:
        return [round(load, 2) for load in os.getloadavg()]
    except OSError:
        return None


def _frequencies(root: Path, cores: list[int]) -> list[int] | None:
    paths = (root / f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq" for core in cores)
    found = [int(text) for text in map(_text, paths) if text and text.isdigit()]
    return found or None


def _memory(root: Path) -> dict[str, object]:
    sizes = {}
    for line in (_text(root / "proc/meminfo") or "").splitlines():
        name, _, size = line.partition(":")
        number = size.split()
        if number and number[0].isdigit():
            sizes[name] = 1024 * int(number[0])
    return {"memory_bytes": sizes.get("MemTotal"), "memory_available_bytes": sizes.get("MemAvailable")}


def _system() -> str:
    name = "Android" if hasattr(sys, "getandroidapilevel") else platform.system()
    return f"{name} {'.'.join(platform.release().split('.')[:2])}"


def _machine(root: Path) -> str | None:
    """An id of the machine: a hash of Linux's machine id, else of its boot id."""
    for path in ("etc/machine-id", "proc/sys/kernel/random/boot_id"):
        found = _text(root / path)
        if found:
            return hashlib.sha256(f"micronet-edge {found}".encode()).hexdigest()[:16]
    return None


def _packages() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _text(path: Path) -> str | None:
    """The file's text; None if it is missing, empty or not readable."""
    try:
        return path.read_bytes().decode(errors="replace").strip("\0 \n\t") or None
    except OSError:
        return None
