"""The page in a real browser: light and dark, on a phone and on a desk."""

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.report.chromium import DARK, LIGHT, measure, needs_browser, shoot
from benchmarks.report.report_samples import family, file, results, run

from micronet_edge_bench.report import page

PEAK = file("peak.onnx", 10.0, 99, variant="peak", precision="float32", madds=400_000_000)
PAPER = {LIGHT: (255, 255, 255), DARK: (18, 22, 28)}
PHONE, DESK = 360, 1200

pytestmark = needs_browser


def many():
    names = f"a/rather/long/path/{'unbroken' * 9}/run {{}} of <b>&</b> {{}}"
    files = [
        replace(each, name=names.format(number, each.name)) for number, each in enumerate((family() * 2)[:30])
    ]
    failed = run(device="ssh://" + "x" * 80, environment=None, error="does not answer: " + "y" * 90)
    return results(run(*files, title="t" * 70), run(*family(1), device="d" * 60), failed)


@pytest.fixture(scope="module")
def measured():
    return {
        "family": results(run(*family(), PEAK)),
        "one": results(run(family()[2])),
        "thirty": many(),
    }


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_it_follows_the_scheme_and_the_console_is_silent(tmp_path, measured, width, scheme):
    shot = shoot(page(measured["family"]), tmp_path, width, 2400, scheme)
    assert shot.console == []
    assert shot.pixels.shape == (2400, width, 3)
    assert tuple(shot.pixels[2, 2]) == PAPER[scheme]
    drawn = (shot.pixels != shot.pixels[2, 2]).any(axis=2)
    assert 0.02 < drawn.mean() < 0.6
    # Ink is far from the paper, whichever is the darker.
    brightness = shot.pixels.mean(axis=2)
    assert np.ptp(brightness) > 180


@pytest.mark.parametrize("name", ["family", "one", "thirty"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_lies_outside_or_on_another(tmp_path, measured, name, width):
    found = measure(page(measured[name]), tmp_path, width)
    assert found["width"] == width
    assert found["scroll"] <= width
    assert found["right"] <= width
    assert found["apart"]


def test_a_hostile_name_runs_nothing(tmp_path):
    hostile = file("<script>console.log('ran')</script><img src=x onerror=console.log('ran')>.onnx", 1.0)
    shot = shoot(page(results(run(hostile, device="<svg onload=console.log('ran')>"))), tmp_path, DESK, 900)
    assert shot.console == []
