"""`micronet-edge bench`: measures the latency of files, here and on devices, with intervals."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import FAILED, one_line_errors
from micronet_edge.cli.options import KernelsOption, OverwriteOption
from micronet_edge.util.terminal import open_console, print_error, say, say_json

if TYPE_CHECKING:
    from rich.progress import TaskID

    from micronet_edge_bench.comparing import Comparison
    from micronet_edge_bench.results import Results
    from micronet_edge_bench.runner.plan import Settings

_THREADS, _WARMUP, _RUNS, _PROCESSES = 1, 10, 200, 5
_RANDOM = "random"
_PHONE = "adb://"
_RESULTS = ".json"


@one_line_errors
def bench(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="ONNX or TFLite files to measure, C files for microcontrollers, or results files to show.",
        ),
    ],
    *,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to compare the others with.", show_default="the first FILE"),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="local, ssh://USER@HOST[:PORT] or adb://SERIAL; may be repeated. C files: mcu://cortex-m4, "
            "-m7 or -m55 counts instructions of an emulator, not cycles; mcu://serial:PORT is a real board.",
            show_default="local",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads that the runtime uses.")] = _THREADS,
    warmup: Annotated[
        int, typer.Option(help="Minimum number of untimed rounds; more follow until times are steady.")
    ] = _WARMUP,
    runs: Annotated[
        int | None, typer.Option(help="Timed rounds per process.", show_default=str(_RUNS))
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Timed seconds per process, for all files together, instead of --runs."),
    ] = None,
    processes: Annotated[int, typer.Option(help="Fresh processes per file.")] = _PROCESSES,
    given: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="DIR|random",
            help="Folder of images to run on, or random values.",
            show_default="a bundled photograph",
        ),
    ] = None,
    kernels: KernelsOption = "auto",
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            help="litert, litert-compiled (LiteRT's CompiledModel) or onnxruntime; may be repeated: each "
            "FILE runs in those that take it.",
            show_default="each format's usual one",
        ),
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Show the time per layer and operator.")] = False,
    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Install missing packages on the board, in a separate folder.")
    ] = False,
    benchmark_model: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="TFLite's benchmark_model, for phones without Python."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Results file to write: all samples and the environment.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Web page to write: tables and plots.")] = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Measure the latency of files for one image, here and on devices, and compare them."""
    del debug  # one_line_errors reads it
    if output is not None and all(path.suffix == _RESULTS for path in files):
        raise typer.BadParameter(
            "every FILE is a results file, so there is nothing to measure: leave it out",
            param_hint="--output",
        )
    from micronet_edge_bench.mcu.device_names import of_microcontrollers

    devices = tuple(device or ["local"])
    compared = [*files, *([against] if against is not None else [])]
    if of_microcontrollers(compared, devices):
        from micronet_edge.cli.bench_mcu import bench_mcu

        unused = {
            "--threads": threads != _THREADS,
            "--warmup": warmup != _WARMUP,
            "--runs": runs is not None,
            "--seconds": seconds is not None,
            "--processes": processes != _PROCESSES,
            "--input": given is not None,
            "--kernels": kernels != "auto",
            "--runtime": bool(runtime),
            "--bootstrap": bootstrap,
            "--benchmark-model": benchmark_model is not None,
            "--html": html is not None,
        }
        bench_mcu(
            files,
            devices,
            against,
            output,
            unused=unused,
            profile=profile,
            overwrite=overwrite,
            as_json=as_json,
            progress=_progress,
        )
        return
    from micronet_edge.targets.isolation import expect

    expect(files[0])  # starts the process that opens the file while this one imports PyTorch
    from micronet_edge.util.output_files import check_reports

    settings = _settings(threads, processes, _rounds(runs, seconds), seconds, warmup, profile=profile)
    images = None if given in {None, _RANDOM} else Path(str(given))
    if benchmark_model is not None and not any(name.startswith(_PHONE) for name in devices):
        raise typer.BadParameter(
            f"runs only on phones: give --device {_PHONE}SERIAL", param_hint="--benchmark-model"
        )
    if benchmark_model is not None and runtime:
        raise typer.BadParameter(
            "benchmark_model has one of its own: leave one of the two out", param_hint="--runtime"
        )
    read = [*files, *(path for path in (against, benchmark_model, images) if path is not None)]
    check_reports({"--output": output, "--html": html}, inputs=read, overwrite=overwrite)
    from micronet_edge_bench.benching import What, Where
    from micronet_edge_bench.benching import bench as run
    from micronet_edge_bench.comparing import compare

    with _progress() as progress:
        results = run(
            files,
            settings,
            against=against,
            where=Where(devices, bootstrap=bootstrap, program=benchmark_model),
            what=What(images, random=given == _RANDOM, kernels=kernels, runtimes=tuple(runtime or ())),
            progress=progress,
        )
    measured = any(run.files for run in results.runs)
    comparisons = compare(results) if measured else ()  # refuses a missing baseline before writing
    _write(results, output, html, overwrite=overwrite)
    _end(results, comparisons, output, html, as_json=as_json, profile=profile)


def _rounds(runs: int | None, seconds: float | None) -> int | None:
    if runs is not None and seconds is not None:
        raise typer.BadParameter("give --runs or --seconds, not both")
    return _RUNS if runs is None and seconds is None else runs


def _settings(
    threads: int, processes: int, rounds: int | None, seconds: float | None, warmup: int, *, profile: bool
) -> "Settings":
    from micronet_edge_bench.runner.plan import MOST_WARMUP, PlanError, Settings

    most = max(warmup, MOST_WARMUP)
    settings = Settings(threads, processes, rounds, seconds, warmup, most, profile)
    try:
        settings.check()
    except PlanError as error:
        raise typer.BadParameter(str(error)) from error
    return settings


def _write(results: "Results", output: Path | None, html: Path | None, *, overwrite: bool) -> None:
    from micronet_edge_bench.report.page import write_report
    from micronet_edge_bench.results import write_results

    if not any(run.files for run in results.runs):
        return
    if output is not None:
        write_results(results, output, overwrite=overwrite)
    if html is not None:
        write_report(results, html, overwrite=overwrite)


def _end(
    results: "Results",
    comparisons: "Sequence[Comparison]",
    output: Path | None,
    html: Path | None,
    *,
    as_json: bool,
    profile: bool,
) -> None:
    """Prints the errors, then the results; exits with 1 if a device failed."""
    from micronet_edge.cli.bench_tables import print_all
    from micronet_edge_bench.measurement_warnings import warnings
    from micronet_edge_bench.summary import summary

    for run in results.runs:
        if run.error is not None:
            print_error(run.error)
    failed = any(run.error is not None and not run.source for run in results.runs)
    if any(run.files for run in results.runs):
        found = warnings(results, comparisons)
        if as_json:
            say_json(summary(results, comparisons, found))
        else:
            print_all(results, comparisons, found, profile=profile)
            for what, path in (("results", output), ("page", html)):
                if path is not None:
                    say(f"{what}: {path}")
    if failed:
        raise typer.Exit(FAILED)


@contextmanager
def _progress() -> Iterator[Callable[[str, str, float, float], None]]:
    """Shows one line per device on a terminal. Redraws only on change, since drawing disturbs the times."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = open_console(err=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[stage]}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, auto_refresh=False, disable=not console.is_terminal
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def report(device: str, stage: str, done: float, total: float) -> None:
            if device not in tasks:
                tasks[device] = bars.add_task(device, stage=stage)
            bars.update(tasks[device], completed=done, total=total, stage=stage, refresh=True)

        yield report
