"""The results as JSON values: statistics instead of samples."""

from collections.abc import Sequence
from dataclasses import asdict

from micronet_edge_bench.comparing import Comparison
from micronet_edge_bench.results import FileResult, Process, Results, Run
from micronet_edge_bench.statistics import latency


def summary(
    results: Results, comparisons: Sequence[Comparison], warnings: Sequence[str]
) -> dict[str, object]:
    """Every run with its environment, its files' statistics and ratios, and all warnings."""
    ratios = {(each.run, each.name): each for each in comparisons}
    return {
        "version": results.version,
        "created": results.created,
        "tool": results.tool,
        "runs": [_run(run, ratios) for run in results.runs],
        "warnings": list(warnings),
    }


def _run(run: Run, ratios: dict[tuple[str, str], Comparison]) -> dict[str, object]:
    return {
        "device": run.device,
        "title": run.title,
        "source": run.source,
        "error": run.error,
        "method": asdict(run.method),
        "environment": None if run.environment is None else asdict(run.environment),
        "files": [_file(file, ratios.get((run.label, file.name))) for file in run.files],
    }


def _file(file: FileResult, comparison: Comparison | None) -> dict[str, object]:
    facts = asdict(file)
    facts["processes"] = [_process(process) for process in file.processes]
    ratio = None
    if comparison is not None:
        ratio = {
            "against": comparison.baseline,
            "times_as_fast": comparison.ratio.value,
            "low": comparison.ratio.low,
            "high": comparison.ratio.high,
            "in_turn": comparison.in_turn,
        }
    return {**facts, "latency": asdict(latency(file.samples_ns)), "ratio": ratio}


def _process(process: Process) -> dict[str, object]:
    return {
        "load_ns": process.load_ns,
        "first_run_ns": process.first_run_ns,
        "warmups": len(process.warmup_ns),
        "steady": process.steady,
        "samples": len(process.samples_ns),
        "peak_memory_bytes": process.peak_memory_bytes,
    }
