"""The picture for a README: every file a bar as long as it takes, whatever a name holds."""

from xml.etree import ElementTree as ET

import pytest
from benchmarks.made import file, results, run

from micronet_edge_bench.report.picture import picture, write_picture

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*runs):
    return ET.fromstring(picture(results(*runs)))  # noqa: S314 - our own


def test_bars_are_as_long_as_files_take():
    slow = file("naive.onnx", ((4_000_000,) * 3,) * 5, precision="float32", naive=True)
    fast = file("ours.onnx", ((1_000_000,) * 3,) * 5, precision="int8", naive=False)
    found = drawn(run(slow, fast, title="m0 onnx"))
    bars = list(found.iter(f"{SVG}rect"))
    assert [bar.get("class") for bar in bars] == ["float32 naive", "int8"]
    widths = [float(bar.get("width")) for bar in bars]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.01)
    words = [each.text for each in found.iter(f"{SVG}text")]
    assert {"m0 onnx", "naive", "ours", "4.00", "1.00"} <= set(words)


def test_turns_stand_below_each_other():
    turns = [run(file(f"{name}.onnx"), title=name) for name in ("m0", "m1")]
    found = drawn(*turns)
    tops = [float(bar.get("y")) for bar in found.iter(f"{SVG}rect")]
    assert tops[0] < tops[1] < float(found.get("height"))


def test_names_are_text_and_nothing_else(tmp_path):
    hostile = '"><script>alert(1)</script>&'
    path = tmp_path / "picture.svg"
    write_picture(results(run(file(f"{hostile}.onnx", precision=hostile), title=hostile)), path)
    found = ET.parse(path).getroot()  # noqa: S314 - our own
    assert not list(found.iter(f"{SVG}script"))
    assert hostile in [each.text for each in found.iter(f"{SVG}text")]
