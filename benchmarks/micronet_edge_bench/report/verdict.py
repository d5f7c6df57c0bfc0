"""The result of all comparisons in one or two sentences."""

from collections.abc import Sequence

from micronet_edge.util.safe_text import escape
from micronet_edge_bench.comparing import Comparison
from micronet_edge_bench.report.text import interval, times


def verdict(comparisons: Sequence[Comparison]) -> list[str]:
    """Sentences as HTML; none without comparisons. A ratio whose interval holds 1 is no difference."""
    if len(comparisons) < 2:  # noqa: PLR2004 - a count says nothing about one
        return [_of_one(each) for each in comparisons]
    best = max(comparisons, key=lambda each: each.ratio.value)
    sentences = [_counts(comparisons)]
    if best.ratio.low > 1:
        sentences.append(f"The largest gain: {_of_one(best)}")
    return sentences


def _of_one(each: Comparison) -> str:
    name, baseline = f"<strong>{escape(each.name)}</strong>", escape(each.baseline)
    found = f"95 % interval {interval(each.ratio)}"
    if each.ratio.low <= 1 <= each.ratio.high:
        return f"{name} takes about as long as {baseline}: {times(each.ratio.value)} its speed ({found})."
    return f"{name} is {times(each.ratio.value)} as fast as {baseline} ({found})."


def _counts(comparisons: Sequence[Comparison]) -> str:
    baselines = {each.baseline for each in comparisons}
    against = (
        escape(next(iter(baselines))) if len(baselines) == 1 else "the files that they are compared with"
    )
    faster = sum(each.ratio.low > 1 for each in comparisons)
    slower = sum(each.ratio.high < 1 for each in comparisons)
    alike = len(comparisons) - faster - slower
    found = [
        *_part(faster, f"faster than {against}"),
        *_part(slower, "slower" if faster else f"slower than {against}"),
    ]
    if alike:
        longer = "" if found else f" as {against}"
        found.append(f"{alike} {'takes' if alike == 1 else 'take'} about as long{longer}")
    text = " and ".join([*([", ".join(found[:-1])] if found[:-1] else []), found[-1]])
    return f"Of {len(comparisons)} files, {text}."


def _part(count: int, what: str) -> list[str]:
    return [f"{count} {'is' if count == 1 else 'are'} {what}"] if count else []
