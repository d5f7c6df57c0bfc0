"""The result of a comparison in plain sentences."""

import pytest

from micronet_edge_bench.comparing import Comparison
from micronet_edge_bench.report.verdict import verdict
from micronet_edge_bench.statistics import Ratio

FAST, SLOW, EVEN = Ratio(1.5, 1.4, 1.6), Ratio(0.5, 0.4, 0.6), Ratio(1.0, 0.9, 1.1)


def compared(*ratios, baselines=("a.onnx",)):
    return [
        Comparison("here", f"{number}.onnx", baselines[number % len(baselines)], ratio, in_turn=True)
        for number, ratio in enumerate(ratios)
    ]


@pytest.mark.parametrize(
    ("ratios", "start"),
    [
        (
            (FAST,),
            "<strong>0.onnx</strong> is 1.50\N{MULTIPLICATION SIGN} as fast as a.onnx (95 % interval 1.40 to",
        ),
        ((EVEN,), "<strong>0.onnx</strong> takes about as long as a.onnx: "),
        ((SLOW, SLOW), "Of 2 files, 2 are slower than a.onnx."),
        (
            (FAST, SLOW),
            "Of 2 files, 1 is faster than a.onnx and 1 is slower. The largest gain: <strong>0.onnx",
        ),
        ((EVEN, EVEN), "Of 2 files, 2 take about as long as a.onnx."),
        ((SLOW, EVEN), "Of 2 files, 1 is slower than a.onnx and 1 takes about as long."),
        ((), ""),
    ],
)
def test_only_what_occurs_is_said(ratios, start):
    found = " ".join(verdict(compared(*ratios)))
    assert found.startswith(start)
    assert ("largest gain" in found) == (len(ratios) > 1 and FAST in ratios)


def test_several_baselines_are_not_named():
    (text, _best) = verdict(compared(FAST, FAST, baselines=("a", "b")))
    assert text == "Of 2 files, 2 are faster than the files that they are compared with."
