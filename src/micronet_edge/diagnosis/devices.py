"""What files can run on: this CPU, GPUs for training, boards, phones and cameras that are plugged in."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from micronet_edge.diagnosis.finding import Finding

_CPU_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "asimd", "asimddp", "i8mm")
"""Instructions on which the speed of files depends."""
_SECONDS = 10


def find_devices() -> list[Finding]:
    """All devices; what needs a program that is missing is not looked for."""
    return [_cpu(), *_gpus(), *_phones(), *_plugged("serial board", ("ttyACM*", "ttyUSB*")), *_cameras()]


def _cpu() -> Finding:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    said = {name.strip(): value.strip() for name, value in fields.items()}
    flags = set(said.get("flags", said.get("Features", "")).split())
    known = [flag for flag in _CPU_FLAGS if flag in flags]
    name = said.get("model name", platform.machine())
    cores = f"{os.cpu_count()} logical cores"
    return Finding("CPU", "found", ", ".join((name, cores, *known)))


def _gpus() -> list[Finding]:
    lines = _lines(("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"))
    return [Finding("GPU", "found", line, "`train` uses it") for line in lines]


def _phones() -> list[Finding]:
    listed = (line.split("\t") for line in _lines(("adb", "devices")) if "\t" in line)
    return [
        Finding("phone", "found" if state == "device" else "broken", f"{serial} ({state})", "`bench adb:...`")
        for serial, state in listed
    ]


def _plugged(name: str, patterns: Sequence[str]) -> list[Finding]:
    found = sorted(path for pattern in patterns for path in Path("/dev").glob(pattern))
    return [Finding(name, "found", str(path), "`bench` reads what it measures") for path in found]


def _cameras() -> list[Finding]:
    found = sorted(Path("/dev").glob("video*"))
    return [Finding("camera", "found", str(path), "`predict` reads a frame of it") for path in found]


def _lines(command: tuple[str, ...]) -> list[str]:
    """What a program prints; nothing if it is missing, fails or hangs."""
    if which(command[0]) is None:
        return []
    try:
        ran = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in ran.stdout.splitlines() if line.strip()]
