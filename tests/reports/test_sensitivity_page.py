"""The page of the sensitivity analysis on a desk and on a phone, from made figures."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from benchmarks.report.chromium import DARK, measure, needs_browser, shoot

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.pipeline.sensitivity import FileSensitivity
from micronet_edge.quantization.sensitivity import LayerSensitivity, Sensitivity
from micronet_edge.reports.sensitivity_page import page
from micronet_edge.util.statistics import PairedDifference

PHONE, MARGINS, DARK_PAPER = 360, 32, (18, 22, 28)
LAYERS = ("image", *(f"features/block{block}/{part}" for block in range(9) for part in ("expand", "squeeze")))


def layer(position, name):
    noise, back = 0.3 - 0.05 * position, PairedDifference(0.5, -1.25, 2.25)
    decibels, in_float = 60 - 2.0 * position, position == 0
    return LayerSensitivity(
        name, (name,), position, in_float, decibels, -3.0, 3.0, 0.9, 0.001, noise, back, back
    )


@pytest.fixture(scope="module")
def made():
    rows = tuple(layer(position, name) for position, name in enumerate(LAYERS))
    analysis = Sensitivity(rows, 8, 60, 60, 31.0, 0.98, 0.95, 0.94)
    metadata = FileMetadata("m0", ("a", "b"), Preprocessing(), None, precision="int8")
    return page(FileSensitivity(Path("x-int8.tflite"), metadata, Path("x.pt"), "set", "set", analysis, 0, ()))


class Drawn(HTMLParser):
    """The attributes of what lies in each picture, by kind, and the widths of the pictures."""

    def __init__(self, page):
        super().__init__()
        self.widths, self.marks = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "svg":
            self.widths.append(float(found["viewbox"].split()[2]))
            self.marks.append([])
        elif self.marks and "class" in found:
            self.marks[-1].append(found)


def test_a_phone_sees_the_noise_of_every_layer_at_its_own_size(made):
    drawn = Drawn(made)
    assert len(drawn.widths) == 2
    narrow = drawn.widths.index(min(drawn.widths))
    scale = (PHONE - MARGINS) / drawn.widths[narrow]
    for kind in ("noise", "back"):
        counts = [sum(each["class"] == kind for each in marks) for marks in drawn.marks]
        assert counts == [len(LAYERS) - 1] * 2
    bars = [each for each in drawn.marks[narrow] if each["class"] == "noise"]
    assert all(0 <= float(each["x"]) <= drawn.widths[narrow] - float(each["width"]) for each in bars)
    sizes = [float(each) for each in re.findall(r"^svg [^{]*{[^}]*font-size: ([\d.]+)px", made, re.MULTILINE)]
    assert min(sizes) * scale >= 10


@needs_browser
def test_nothing_lies_outside_a_phone(tmp_path, made):
    found = measure(made, tmp_path, PHONE)
    assert found["scroll"] <= PHONE
    assert found["right"] <= PHONE


@needs_browser
def test_it_follows_the_dark_scheme(tmp_path, made):
    shot = shoot(made, tmp_path, 1000, 1200, DARK)
    assert shot.console == []
    assert tuple(shot.pixels[2, 2]) == DARK_PAPER
    assert np.ptp(shot.pixels.mean(axis=2)) > 180
