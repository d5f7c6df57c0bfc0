"""The plots draw what was measured: places and lengths are read back out of them."""

from dataclasses import replace
from itertools import pairwise
from math import log10

import pytest
from benchmarks.report.markup import pictures
from benchmarks.report.report_samples import family, file, profile, run
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge_bench.layer_names import Kind
from micronet_edge_bench.profiles import layer_profile
from micronet_edge_bench.report.colours import KIND_CLASSES
from micronet_edge_bench.report.latency_plot import latency_plot
from micronet_edge_bench.report.place_labels import Box, around, beside_points
from micronet_edge_bench.report.profile_plot import kinds_table, most_expensive_table, profile_plot
from micronet_edge_bench.report.roofline_plot import NARROW, WIDE, roofline_plot
from micronet_edge_bench.report.speed_lines import decade_scale
from micronet_edge_bench.report.style import STYLE
from micronet_edge_bench.report.text import figure
from micronet_edge_bench.statistics import latency

PEAK = file("peak-float32.onnx", 10.0, 99, variant="peak", precision="float32", madds=400_000_000)


def classed(picture, kind):
    return [each for each in picture.iter() if kind in each.get("class", "").split()]


def per_cent(value):
    return float(value.removesuffix("%"))


def test_bars_are_as_long_as_medians():
    files = family(2)
    plot = latency_plot([run(*files)])
    bars = [per_cent(bar.get("width")) for picture in pictures(plot) for bar in classed(picture, "bar")]
    medians = [latency(each.samples_ns).median_ns for each in files]
    assert len(bars) == len(files)
    assert [bar / bars[0] for bar in bars] == pytest.approx([each / medians[0] for each in medians], rel=1e-3)
    assert max(bars) < 100


def test_every_process_has_a_dot_within_the_picture():
    (one,) = [each for each in pictures(latency_plot([run(family()[0])])) if classed(each, "bar")]
    dots = [each for each in one.iter() if each.tag == "circle"]
    assert len(dots) == 5
    assert all(0 <= per_cent(dot.get("cx")) <= 100 for dot in dots)


def test_what_was_measured_for_the_peak_has_no_bar():
    assert "peak" not in latency_plot([run(family()[0], PEAK)])


@pytest.mark.parametrize(("place", "width"), [(0, WIDE), (1, NARROW)])
def test_points_lie_where_their_figures_say(place, width):
    # At 1 and at 10 billion multiply-adds a second: on the slanted lines of those speeds.
    files = [
        file(name, ms, madds=int(madds * latency(file(name, ms).samples_ns).median_ns / (ms * 1e6)))
        for name, ms, madds in (("a.onnx", 4.0, 4e6), ("b.onnx", 1.0, 10e6), ("c.onnx", 3.0, 30e6))
    ]
    scatter = [each for each in pictures(roofline_plot([run(*files)])) if each.get("class") == "scatter"][
        place
    ]
    assert scatter.get("viewBox").split()[2] == str(width)
    marks = [(float(each.get("cx")), float(each.get("cy"))) for each in classed(scatter, "mark")]
    lines = [
        tuple(float(each.get(end)) for end in ("x1", "y1", "x2", "y2"))
        for each in classed(scatter, "speed")
        if each.tag == "line"
    ]
    for x, y in marks:
        heights = [y1 + (x - x1) / (x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in lines]
        assert min(abs(height - y) for height in heights) < 0.6
    assert marks[0][0] < marks[1][0] < marks[2][0]
    assert marks[1][1] > marks[2][1] > marks[0][1]


def test_the_roof_is_below_every_file_and_its_figure_is_the_peak():
    scatter = pictures(roofline_plot([run(*family(), PEAK)]))[-2]
    (line,) = [each for each in classed(scatter, "roof") if each.tag == "line"]
    x1, y1, x2, y2 = (float(line.get(end)) for end in ("x1", "y1", "x2", "y2"))
    for mark in classed(scatter, "mark"):
        x = float(mark.get("cx") or mark.get("x"))
        y = float(mark.get("cy") or mark.get("y"))
        assert y < y1 + (x - x1) / (x2 - x1) * (y2 - y1)
    speed = PEAK.madds / latency(PEAK.samples_ns).median_ns
    assert f"peak: {speed:.1f} G/s" in roofline_plot([run(*family(), PEAK)])
    assert "roof" not in roofline_plot([run(*family())])


def test_peaks_of_several_precisions_are_named():
    integers = replace(PEAK, name="peak-int8.onnx", precision="int8", madds=800_000_000)
    plot = roofline_plot([run(*family(), PEAK, integers)])
    assert "peak float32, ONNX: " in plot
    assert "peak int8, ONNX: " in plot


@pytest.mark.parametrize("count", [1, 30])
def test_no_label_lies_on_another(count):
    files = [
        replace(each, name=f"{number} {'long ' * 9}{each.name}", variant=None)
        for number, each in enumerate((family() * 2)[:count])
    ]
    for scatter in pictures(roofline_plot([run(*files, PEAK)]))[-2:]:
        boxes = [_box(each) for each in classed(scatter, "label")]
        assert boxes
        assert not any(one.meets(other) for place, one in enumerate(boxes) for other in boxes[:place])


def _box(label):
    length = 6.4 * len(label.text)
    anchors = {"start": 0.0, "middle": 0.5, "end": 1.0}
    (anchor,) = set(label.get("class").split()) & set(anchors)
    return Box(float(label.get("x")) - anchors[anchor] * length, float(label.get("y")) - 7, length, 14)


def test_files_of_one_network_are_told_apart_by_their_names():
    long = "a-very-long-name-of-a-network-{}.onnx"
    files = [
        file(name, ms, variant="m0", madds=4_000_000)
        for name, ms in (("m0-float32.onnx", 1.0), (long.format(1), 2.0), (long.format(2), 4.0))
    ]
    scatter = pictures(roofline_plot([run(*files)]))[-2]
    labels = [each.text for each in classed(scatter, "label")]
    assert "m0-float32.onnx" in labels
    assert len(set(labels)) == 3
    others = [
        file(name, ms, variant=name[:2], madds=4_000_000) for name, ms in (("m0.onnx", 1), ("m1.onnx", 3))
    ]
    scatter = pictures(roofline_plot([run(*others)]))[-2]
    assert {each.text for each in classed(scatter, "label")} == {"m0", "m1"}


@given(st.floats(1e-3, 1e3), st.floats(1, 1e5))
def test_an_axis_has_enough_figures_to_show_that_it_is_logarithmic(low, times):
    scale = decade_scale([low, low * times], 0, 100)
    found = scale.ticks()
    assert 3 <= len(found) <= 12
    assert all(scale.low <= tick <= scale.high for tick in found)


PLACES = st.tuples(st.floats(0, 900), st.floats(0, 400))


@given(st.lists(st.tuples(PLACES, st.sampled_from(["m0", "m1", "some-longer-name"])), max_size=40))
def test_labels_stay_in_the_frame_and_off_everything_else(given_points):
    points = [point for point, _name in given_points]
    taken, frame = [Box(100, 100, 200, 20)], Box(0, 0, 900, 400)
    placed = [each.box for each in beside_points(points, [name for _p, name in given_points], taken, frame)]
    others = [*taken, *map(around, points)]
    for place, box in enumerate(placed):
        assert frame.holds(box)
        assert not any(box.meets(other) for other in [*others, *placed[:place]])


def test_parts_of_a_profile_follow_one_another_and_fill_the_bar():
    found = layer_profile(profile(2.0), 2e6)
    (picture,) = [each for each in pictures(profile_plot([("a", found)])) if classed(each, "part")]
    parts = [(per_cent(each.get("x")), per_cent(each.get("width"))) for each in classed(picture, "part")]
    assert len(parts) == len(found.kinds)
    for (x, width), (following, _width) in pairwise(parts):
        assert x + width == pytest.approx(following, abs=0.02)
    assert sum(width for _x, width in parts) == pytest.approx(100 / 1.02, abs=0.1)
    widest = max(width for _x, width in parts)
    assert widest / sum(width for _x, width in parts) == pytest.approx(found.kinds[0].share, rel=1e-2)


def test_the_tables_of_a_profile_begin_with_the_most_expensive():
    found = layer_profile(profile(2.0), 2e6)
    assert kinds_table(found).index("pointwise") < kinds_table(found).index("residual")
    dearest = most_expensive_table(found)
    assert dearest.index("features/stem/conv") < dearest.index("features/block1/expand/conv")
    assert dearest.count('<tr><th scope="row">') == 10
    assert "0.420" in dearest


def test_every_kind_has_a_colour():
    assert set(KIND_CLASSES) == set(Kind)
    assert all(f".{each} {{ --c:" in STYLE for each in KIND_CLASSES.values())


@given(st.floats(1e-3, 1e6))
def test_figures_keep_three_digits(value):
    shown = figure(value)
    assert float(shown.replace(",", "")) == pytest.approx(value, rel=5.1e-3)
    assert log10(value) < 3 or "." not in shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0.00"), (0.8312, "0.831"), (1.0, "1.00"), (99.96, "100."), (1234.4, "1,234")]
)
def test_figures(value, shown):
    assert figure(value) == shown.rstrip(".")
