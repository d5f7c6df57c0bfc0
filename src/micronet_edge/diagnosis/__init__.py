"""What of all that micronet-edge can use is on this machine: the sections of `doctor`, in order."""

from collections.abc import Callable

from micronet_edge.diagnosis.devices import devices
from micronet_edge.diagnosis.finding import Finding
from micronet_edge.diagnosis.installation import installation
from micronet_edge.diagnosis.kernel_libraries import kernel_libraries
from micronet_edge.diagnosis.packages import extras, runtimes
from micronet_edge.diagnosis.programs import compilers, emulators, tools

SECTIONS: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
    ("installation", installation),
    ("extras", extras),
    ("runtimes", runtimes),
    ("fused kernels", kernel_libraries),
    ("compilers", compilers),
    ("emulators", emulators),
    ("tools", tools),
    ("devices", devices),
)
"""Each section's name and what looks; none changes anything, and only `devices` asks another program."""
