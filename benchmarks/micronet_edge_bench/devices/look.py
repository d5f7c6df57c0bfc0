"""Finds the facts of a device: system, architecture, Python and packages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge.util.user_files import parse_json
from micronet_edge_bench.devices import probe_there
from micronet_edge_bench.devices.device import DeviceFacts
from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.devices.quoting import one_line, quoted

if TYPE_CHECKING:
    from micronet_edge_bench.devices.device import Device

PACKAGES = ("numpy", "onnxruntime", "ai-edge-litert")
"""The packages to look for, by their pip names."""

_PROBE = "micronet-edge-probe.py"


@dataclass(frozen=True, slots=True)
class Probe:
    """A Python's version and packages, the folder for more packages, and its PYTHONPATH if that exists."""

    python: str
    packages: dict[str, str]
    folder: str
    path: str


def look(device: "Device", ask: Callable[[str], str], pythons: Sequence[str]) -> DeviceFacts:
    """The facts of a device with a shell; `ask` runs a script there, `pythons` are the names to try."""
    tries = "; ".join(f"command -v {quoted([python])} && exit 0" for python in pythons)
    kernel, release, architecture, *python = ask(
        f"uname -s; uname -r; uname -m; {tries}; exit 0"
    ).splitlines()
    system = f"{kernel} {'.'.join(release.split('.')[:2])}"
    if not python:
        return DeviceFacts(system, architecture, None, (), {})
    return look_at_python(device, system, architecture, python[0])


def look_at_python(device: "Device", system: str, architecture: str, python: str) -> DeviceFacts:
    """The facts of the device's Python of that name, including packages that this tool installed there.

    Raises DeviceError on a Python that cannot run a small program.
    """
    found = probe(device, (python,))
    interpreter = ("env", f"PYTHONPATH={found.path}", python) if found.path else (python,)
    return DeviceFacts(system, architecture, found.python, interpreter, found.packages)


def probe(device: "Device", python: Sequence[str]) -> Probe:
    """The output of probe_there.py, run by that Python on the device."""
    device.push(Path(probe_there.__file__), _PROBE)
    lines: list[str] = []
    code = device.run([*python, _PROBE, *PACKAGES], lines.append)
    try:
        return Probe(**parse_json(lines[-1]))  # type: ignore[arg-type]  # TypeError
    except (IndexError, TypeError, ValueError) as error:
        raise DeviceError(
            device.label,
            f"{python[-1]} there ended with {code} ({one_line(device.stderr_tail)}): check that it runs",
        ) from error
