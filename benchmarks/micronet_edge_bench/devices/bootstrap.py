"""Checks a device's Python for packages and installs missing ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge_bench.devices import bootstrap_there
from micronet_edge_bench.devices.device import DeviceFacts, OnLine
from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.look import probe
from micronet_edge_bench.devices.quoting import one_line

if TYPE_CHECKING:
    from micronet_edge_bench.devices.device import Device

OLDEST_PYTHON = "3.9"
_PROGRAM = "micronet-edge-bootstrap.py"


def require(device: "Device", packages: Sequence[str]) -> DeviceFacts:
    """The device's facts, if its Python has all packages (by their pip names).

    Raises DeviceError with what to install there, and how.
    """
    facts = _with_python(device)
    missing = [package for package in packages if package not in facts.packages]
    if missing:
        raise DeviceError(
            device.label,
            f"its Python {facts.python} has no {' and no '.join(missing)}: {device.advice(missing)}",
        )
    return facts


def install(device: "Device", packages: Sequence[str], on_line: OnLine) -> None:
    """Installs packages for the device's Python into a separate folder there.

    Nothing else stays on a device. The last line passed to `on_line` names the folder.
    Raises DeviceError with the last line of pip's output.
    """
    python = _with_python(device).interpreter
    folder = probe(device, python).folder
    device.push(Path(bootstrap_there.__file__), _PROGRAM)
    if device.run([*python, _PROGRAM, folder, *packages], on_line):
        reason = one_line(device.stderr_tail)
        raise DeviceError(device.label, f"{' '.join(packages)} cannot be installed there: {reason}")
    on_line(f"{' '.join(packages)} installed into {folder} on {device.label}; only this folder stays there")


def _with_python(device: "Device") -> DeviceFacts:
    facts = device.facts()
    if facts.python is None:
        raise DeviceError(device.label, f"no python3 there: {device.advice(())}")
    if _ordered(facts.python) < _ordered(OLDEST_PYTHON):
        raise DeviceError(device.label, f"its Python {facts.python} is too old: {device.advice(())}")
    return facts


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
