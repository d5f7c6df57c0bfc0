"""What of all that micronet-edge can use is on this machine: the sections of `doctor`, in order."""

from collections.abc import Callable

from micronet_edge.diagnosis.devices import find_devices
from micronet_edge.diagnosis.finding import Finding
from micronet_edge.diagnosis.installation import find_installation
from micronet_edge.diagnosis.kernel_libraries import find_kernels
from micronet_edge.diagnosis.packages import extras, runtimes
from micronet_edge.diagnosis.programs import compilers, emulators, tools

SECTIONS: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
    ("installation", find_installation),
    ("extras", extras),
    ("runtimes", runtimes),
    ("fused kernels", find_kernels),
    ("compilers", compilers),
    ("emulators", emulators),
    ("tools", tools),
    ("devices", find_devices),
)
"""Each section's name and what looks; none changes anything, and only `find_devices` asks another program."""
