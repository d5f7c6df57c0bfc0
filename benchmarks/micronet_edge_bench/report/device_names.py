"""Names the machine of a page by its CPU: a page is read elsewhere, where `local` says nothing."""

from collections.abc import Sequence
from dataclasses import replace

from micronet_edge_bench.comparing import Comparison
from micronet_edge_bench.results import Results, Run

_LOCAL = "local"


def named_by_cpu(
    results: Results, comparisons: Sequence[Comparison]
) -> tuple[Results, tuple[Comparison, ...]]:
    """The results and their comparisons with the CPU's name instead of `local`, where it is known."""
    runs = tuple(map(_named, results.runs))
    labels = {run.label: new.label for run, new in zip(results.runs, runs, strict=True)}
    return replace(results, runs=runs), tuple(replace(each, run=labels[each.run]) for each in comparisons)


def _named(run: Run) -> Run:
    if run.device != _LOCAL or run.environment is None or not run.environment.cpu:
        return run
    return replace(run, device=run.environment.cpu)
