"""Runs TFLite's benchmark_model on a device, which needs no Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from micronet_edge_bench.devices.benchmark_model import (
    BenchmarkModelError,
    BenchmarkModelOutput,
    read_output,
)
from micronet_edge_bench.devices.device import Device, OnLine
from micronet_edge_bench.devices.elf import can_run, machine
from micronet_edge_bench.devices.errors import DeviceError
from micronet_edge_bench.runner.plan import LEAST_WARMUP

_PROGRAM, _MODEL = "benchmark_model", "model.tflite"


@dataclass(frozen=True, slots=True)
class BenchmarkModelSettings:
    """How to run it; `options` are its own additional ones, such as --use_gpu=true."""

    threads: int = 1
    warmup_runs: int = LEAST_WARMUP
    runs: int = 200
    profile: bool = False
    options: Sequence[str] = ()


def run_benchmark_model(
    device: Device, program: Path, model: Path, settings: BenchmarkModelSettings, on_line: OnLine
) -> BenchmarkModelOutput:
    """Pushes the program and a TFLite file to a connected device, runs it and parses its output.

    Raises DeviceError on a program that is built for another architecture or prints no timings.
    """
    if not program.is_file():
        raise DeviceError(
            device.label, f"{program} does not exist: give the path of TFLite's benchmark_model"
        )
    built_for, architecture = machine(program), device.facts().architecture
    if built_for and not can_run(architecture, built_for):
        raise DeviceError(
            device.label,
            f"{program.name} is built for {built_for}, the device is {architecture}: give another",
        )
    device.push(program, _PROGRAM)
    device.push(model, _MODEL)
    device.run(["chmod", "700", _PROGRAM], on_line)
    # Without a shell in between, so that the error names the program, not the shell.
    device.run([f"./{_PROGRAM}", "--help"], lambda _: None)
    lines: list[str] = []

    def keep(line: str) -> None:
        lines.append(line)
        on_line(line)

    # Its log goes to stderr and its tables to stdout; merged, they are in order.
    code = device.run(["sh", "-c", 'exec "$@" 2>&1', "sh", *_command(settings)], keep)
    try:
        output = read_output(lines)
    except BenchmarkModelError as error:
        raise DeviceError(device.label, str(error)) from error
    if code:
        raise DeviceError(
            device.label, f"benchmark_model ended with {code} after its timings: run it by hand"
        )
    return output


def _command(settings: BenchmarkModelSettings) -> list[str]:
    return [
        f"./{_PROGRAM}",
        f"--graph={_MODEL}",
        f"--num_threads={settings.threads}",
        f"--warmup_runs={settings.warmup_runs}",
        f"--num_runs={settings.runs}",
        f"--enable_op_profiling={str(settings.profile).lower()}",
        *settings.options,
    ]
