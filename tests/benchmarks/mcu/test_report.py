"""The report of measure.c: read whole or not at all."""

import pytest

from micronet_edge_bench.mcu import McuError
from micronet_edge_bench.mcu.report import ReportReader, Step, read_report

WHOLE = """\
micronet-edge network m1
micronet-edge unit cycles
micronet-edge clock 168000000
micronet-edge arena 61440
micronet-edge count 7000123
micronet-edge count 7000125
micronet-edge scores 4294967295
micronet-edge stack 1204
micronet-edge step 48211 features/stem/conv convolution
micronet-edge step 17 pool mean
micronet-edge guard 1
micronet-edge end 12
""".splitlines()


def test_every_line_is_read():
    report = read_report(WHOLE, "board")
    assert (report.network, report.unit, report.clock_hz, report.arena_bytes) == (
        *("m1", "cycles"),
        *(168_000_000, 61_440),
    )
    assert report.counts == (7_000_123, 7_000_125)
    assert (report.scores, report.stack_bytes, report.guard_is_whole) == (4_294_967_295, 1204, True)
    assert report.steps == (Step("features/stem/conv", "convolution", 48_211), Step("pool", "mean", 17))


def test_other_output_and_the_rest_of_an_earlier_report_are_passed_over():
    lines = [*WHOLE[5:], "booting", "", "micronet-edged", *(f"{line}\r" for line in WHOLE)]
    assert read_report(lines, "board") == read_report(WHOLE, "board")


@pytest.mark.parametrize("lost", range(len(WHOLE)))
def test_a_report_that_lost_a_line_is_dropped(lost, refusal):
    rest = WHOLE[:lost] + WHOLE[lost + 1 :]
    assert "board prints no whole report" in refusal(McuError, read_report, rest, "board")
    assert read_report([*rest, *WHOLE], "board").network == "m1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("clock 168000000", "clock fast"),
        ("unit cycles", "unit seconds"),
        ("count 7000123", "count -1"),
        ("count 7000123", "count 4294967296"),
        ("count 7000123", "count ²"),
        ("stack 1204", "scores 1204"),
        ("step 17 pool mean", "step pool mean"),
        ("guard 1", "guard"),
    ],
)
def test_a_damaged_report_is_dropped(old, new):
    damaged = [line.replace(old, new) for line in WHOLE]
    assert damaged != WHOLE
    reader = ReportReader()
    assert [reader.feed(line) for line in damaged] == [None] * len(WHOLE)
