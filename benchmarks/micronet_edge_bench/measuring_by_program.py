"""Measures TFLite files with TFLite's benchmark_model, for phones without Python."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from micronet_edge_bench.devices import Device, DeviceError
from micronet_edge_bench.devices.benchmark_model import BenchmarkModelOutput
from micronet_edge_bench.devices.run_benchmark_model import BenchmarkModelSettings, run_benchmark_model
from micronet_edge_bench.inputs import PreparedFile
from micronet_edge_bench.results import Environment, FileResult, Operator, Process, Profile
from micronet_edge_bench.runner.plan import Settings
from micronet_edge_bench.shell_facts import environment_of, load_of

StageReport = Callable[[str, float, float], None]
"""Called with the stage, the finished and the total amount."""

RUNTIME = "TFLite benchmark_model"
INPUT = "random numbers of benchmark_model's own"

_STEADY = 0.05
"""Largest difference between warm-up and timed inferences."""


def measure_by_program(
    device: Device, program: Path, files: Sequence[PreparedFile], settings: Settings, report: StageReport
) -> tuple[Environment, tuple[FileResult, ...]]:
    """Runs the program on every file in turn, once per process.

    Result   one sample per process, the median of its inferences (the mean in old versions), since
             benchmark_model prints only statistics
    Raises   DeviceError on settings or files that the program does not support, and if it fails
    """
    if strangers := [file.name for file in files if file.format != "tflite"]:
        raise DeviceError(device.label, f"benchmark_model cannot run {strangers[0]}: give TFLite files only")
    how, total, load_before = _how(settings, len(files)), settings.processes * len(files), load_of(device)

    def run(file: PreparedFile, how: BenchmarkModelSettings, done: int) -> BenchmarkModelOutput:
        report("measure", done, total)
        return run_benchmark_model(device, program, file.path, how, lambda _: report("measure", done, total))

    turns = [
        [run(file, how, turn * len(files) + place) for place, file in enumerate(files)]
        for turn in range(settings.processes)
    ]
    profiled = replace(how, profile=True)
    profiles = [_profile(run(file, profiled, total)) if settings.profile else None for file in files]
    version = f"of sha256 {sha256(program.read_bytes()).hexdigest()[:12]}"
    found = [
        replace(_result(file, outputs, settings.threads), runtime_version=version, profile=profile)
        for file, outputs, profile in zip(files, zip(*turns, strict=True), profiles, strict=True)
    ]
    return environment_of(device, load_before), tuple(found)


def _how(settings: Settings, files: int) -> BenchmarkModelSettings:
    """The program's minimum time of one second applies, unless seconds are given, which the files share."""
    if settings.seconds is None:
        assert settings.rounds is not None  # one of the two is always set
        return BenchmarkModelSettings(settings.threads, settings.least_warmup, settings.rounds)
    least = f"--min_secs={settings.seconds / files:g}"
    return BenchmarkModelSettings(settings.threads, settings.least_warmup, 1, options=(least,))


def _result(file: PreparedFile, outputs: Sequence[BenchmarkModelOutput], threads: int) -> FileResult:
    content = file.path.read_bytes()
    delegation = outputs[-1].delegation
    found = FileResult(
        name=file.name,
        format=file.format,
        sha256=sha256(content).hexdigest(),
        size_bytes=len(content),
        runtime=RUNTIME,
        runtime_version="",
        delegate=delegation.delegate if delegation else None,
        nodes=delegation.nodes if delegation else None,
        delegated_nodes=delegation.delegated_nodes if delegation else None,
        partitions=delegation.partitions if delegation else None,
        threads=threads,
        output_sha256=None,
        processes=tuple(_process(output) for output in outputs),
        input=INPUT,
        input_dtype=file.array.dtype.name,
        input_shape=file.array.shape,
        madds=file.madds,
        samples_are=f"one per process, the median of {_counts(outputs)} inferences",
    )
    about = file.metadata
    if about is None:
        return found
    return replace(
        found,
        variant=about.variant,
        precision=about.precision,
        naive=about.naive,
        portable=about.portable,
    )


def _counts(outputs: Sequence[BenchmarkModelOutput]) -> str:
    counts = [output.inferences.count for output in outputs]
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _process(output: BenchmarkModelOutput) -> Process:
    typical, warmup = _typical_ns(output), output.warmup
    warm = None if warmup is None else warmup.last_ns
    return Process(
        load_ns=round(output.init_ns),
        first_run_ns=round(output.first_inference_ns),
        warmup_ns=(),
        steady=warm is not None and abs(warm / typical - 1) < _STEADY,
        samples_ns=(round(typical),),
        peak_memory_bytes=output.peak_memory_bytes,
    )


def _typical_ns(output: BenchmarkModelOutput) -> float:
    found = output.inferences
    return found.mean_ns if found.median_ns is None else found.median_ns


def _profile(output: BenchmarkModelOutput) -> Profile | None:
    if not output.profile:
        return None
    main = output.profile[0]
    return Profile(
        method="benchmark_model's own profiler in a separate process, means over all inferences",
        rounds=output.inferences.count,
        operators=tuple(
            Operator(each.index, each.kind, each.name, each.inference_ns, None) for each in main.operators
        ),
        whole_ns=_typical_ns(output),
    )
