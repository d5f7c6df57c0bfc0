"""Parses the output of TFLite's benchmark_model, in all its versions.

Its lines may be bare or begin with `INFO:` or a logcat prefix, and some appear twice. As
tensorflow/lite/tools/benchmark writes them:

    count=64 first=16067 curr=15102 min=14661 max=17579 avg=15517.6 std=551 p5=14802 median=15391 p95=16520
    Inference timings in us: Init: 32163, First inference: 19834, Warmup (avg): 15997.4, Inference (avg): ...
    Memory footprint delta from the start of the tool (MB): init=22.0273 overall=34.8281

Its times are microseconds, ours nanoseconds. It prints statistics only, no single samples.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from micronet_edge.errors import MicronetEdgeError
from micronet_edge_bench.devices.benchmark_model_profile import Profile, read_profiles

_NUMBER = r"[-+]?(?:nan|inf|[\d.]+(?:e[-+]?\d+)?)"
_HEAD = re.compile(r"^(?:.*\btflite\s*(?:\(\s*\d+\))?\s*: )?(?:INFO: )?")
_PARAMETER = re.compile(r"^(\S.*?)\s?: \[(.*)\]$")
_COUNT = re.compile(rf"^count=(\d+)((?: \w+={_NUMBER})*)")
_TIMINGS = re.compile(rf"^Inference timings in us: Init: ({_NUMBER}), First inference: ({_NUMBER}),")
_SIZE = re.compile(rf"^The input model file size \(MB\): ({_NUMBER})")
_MEMORY = re.compile(rf"^(?:Peak memory|Memory) footprint.*\(MB\): init=({_NUMBER}) overall=({_NUMBER})")
_PEAK = re.compile(rf"^Overall peak memory footprint \(MB\) via periodic monitoring: ({_NUMBER})")
_DELEGATED = re.compile(
    r"Replacing (\d+)(?: out of (\d+))? node\(s\) with delegate \((\w+)\) node, yielding (\d+) partitions"
)
_APPLIED = re.compile(r"(?:Explicitly applied|Applied) (\w+) delegate")
_CREATED = re.compile(r"Created TensorFlow Lite (\w+) delegate")
_ERROR_LINE = re.compile(r"^ERROR: |[Ff]ailed|[Cc]ould not|not found|[Ee]rror")

_BYTES_PER_FILE_MB = 1_000_000
_BYTES_PER_MEMORY_MB = 1 << 20


class BenchmarkModelError(MicronetEdgeError):
    """The output of benchmark_model contains no timings."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Statistics over `count` inferences; quantiles are None in older versions."""

    count: int
    first_ns: float
    last_ns: float
    min_ns: float
    max_ns: float
    mean_ns: float
    deviation_ns: float
    p5_ns: float | None
    median_ns: float | None
    p95_ns: float | None


@dataclass(frozen=True, slots=True)
class Delegation:
    """The delegate that ran, with its numbers of nodes and partitions, if printed."""

    delegate: str
    delegated_nodes: int | None
    nodes: int | None
    partitions: int | None


@dataclass(frozen=True, slots=True)
class BenchmarkModelOutput:
    """The parsed output of benchmark_model; None for what it does not print.

    `memory_*` is the growth of the process. The profile of the initialization lists its stages, that of the
    inferences the operators.
    """

    settings: Mapping[str, str]
    init_ns: float
    first_inference_ns: float
    warmup: Timings | None
    inferences: Timings
    model_size_bytes: int | None
    memory_init_bytes: int | None
    memory_overall_bytes: int | None
    peak_memory_bytes: int | None
    delegation: Delegation | None
    init_profile: Profile | None
    profile: Profile | None


def read_output(lines: Sequence[str]) -> BenchmarkModelOutput:
    """Parses the whole output, with stdout and stderr interleaved.

    Raises BenchmarkModelError with the tool's own error message if it did not finish.
    """
    bare = [_HEAD.sub("", line.rstrip(), count=1) for line in lines]
    timings = _first(_TIMINGS, bare)
    phases = _phases(bare)
    if timings is None or not phases:
        raise BenchmarkModelError(f"benchmark_model printed no timings: {_error_text(bare)}")
    memory, size, peak = _first(_MEMORY, bare), _first(_SIZE, bare), _first(_PEAK, bare)
    init_profile, profile = read_profiles(bare)
    return BenchmarkModelOutput(
        settings={found[1]: found[2] for line in bare if (found := _PARAMETER.match(line))},
        init_ns=_ns(timings[1]),
        first_inference_ns=_ns(timings[2]),
        warmup=phases[0] if len(phases) > 1 else None,
        inferences=phases[-1],
        model_size_bytes=_bytes(size, 1, _BYTES_PER_FILE_MB),
        memory_init_bytes=_bytes(memory, 1, _BYTES_PER_MEMORY_MB),
        memory_overall_bytes=_bytes(memory, 2, _BYTES_PER_MEMORY_MB),
        peak_memory_bytes=_bytes(peak, 1, _BYTES_PER_MEMORY_MB),
        delegation=_delegation(bare),
        init_profile=init_profile,
        profile=profile,
    )


def _first(pattern: re.Pattern[str], lines: Sequence[str]) -> re.Match[str] | None:
    return next((found for line in lines if (found := pattern.search(line))), None)


def _phases(lines: Sequence[str]) -> list[Timings]:
    """The timings of the warm-up, if any, and of the timed inferences."""
    found = (_COUNT.match(line) for line in lines)
    return [_timings(int(count[1]), count[2]) for count in found if count and int(count[1])]


def _timings(count: int, fields: str) -> Timings:
    values = {name: _ns(value) for name, _, value in (field.partition("=") for field in fields.split())}
    last = values["curr"]
    # If all inferences took the same time, it prints only that time.
    return Timings(
        count=count,
        first_ns=values.get("first", last),
        last_ns=last,
        min_ns=values.get("min", last),
        max_ns=values.get("max", last),
        mean_ns=values.get("avg", last),
        deviation_ns=values.get("std", 0.0),
        p5_ns=values.get("p5"),
        median_ns=values.get("median"),
        p95_ns=values.get("p95"),
    )


def _delegation(lines: Sequence[str]) -> Delegation | None:
    if found := _first(_DELEGATED, lines):
        return Delegation(found[3], int(found[1]), int(found[2]) if found[2] else None, int(found[4]))
    if found := _first(_APPLIED, lines) or _first(_CREATED, lines):
        return Delegation(found[1], None, None, None)
    return None


def _error_text(lines: Sequence[str]) -> str:
    for line in lines:
        if _ERROR_LINE.search(line) and not _PARAMETER.match(line):
            return line.removeprefix("ERROR: ")
    said = [line for line in lines if line]
    return f"it ended with {said[-1]!r}" if said else "it printed nothing"


def _ns(microseconds: str) -> float:
    return round(float(microseconds) * 1000, 3)


def _bytes(found: re.Match[str] | None, group: int, unit: int) -> int | None:
    megabytes = float(found[group]) if found else None
    return round(megabytes * unit) if megabytes is not None and isfinite(megabytes) else None
