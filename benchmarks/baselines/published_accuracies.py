"""Adds published accuracies of trained networks to the times of a suite."""

from collections.abc import Iterable
from dataclasses import replace

from baselines.published import PUBLISHED
from baselines.suites import CANDIDATES, Member
from micronet_edge.models import FAMILY
from micronet_edge_bench.results import FileResult, Run

_MICRONET = "arXiv 2108.05894"
_CAVEAT = "published for trained weights in float32; the timed file has random weights"


def with_published_top1(run: Run, members: Iterable[Member]) -> Run:
    """The run with the published top-1 of every float32 file; none is published for int8."""
    published = {
        member.name: published_top1(member.network)
        for member in members
        if CANDIDATES[member.candidate].precision == "float32"
    }
    return replace(run, files=tuple(_known(file, published.get(file.name)) for file in run.files))


def published_top1(network: str) -> tuple[float, str] | None:
    """Top-1 on ImageNet at 224 px as a share, and its source; None for other networks."""
    if network in FAMILY:
        return FAMILY[network].paper_top1 / 100, _MICRONET
    if network in PUBLISHED:
        return PUBLISHED[network].top1 / 100, PUBLISHED[network].source
    return None


def _known(file: FileResult, published: tuple[float, str] | None) -> FileResult:
    if published is None:
        return file
    top1, source = published
    return replace(file, top1=top1, top1_source=f"{source}: {_CAVEAT}")
