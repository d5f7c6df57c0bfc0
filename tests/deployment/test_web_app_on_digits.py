"""The page, complete with its runtime, classifies digits in a browser as the session does natively."""

import shutil
from functools import cache

import numpy as np
import pytest
from cli.command import DIGITS, run, shared, shared_digits, shared_quantized
from deployment.browser import needs_browser, opened, served
from example_images import digits

from micronet_edge.targets.registry import target_of

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm: apt-get install npm")
# onnxruntime-web comes from the network.
pytestmark = [pytest.mark.slow, needs_browser, needs_npm]

TESTED_ON = 20
FLOAT_TOLERANCE = 1e-5
# Kernels that round integers in another order move a probability by some levels of 8 bits.
INTEGER_TOLERANCE = 0.01
FLOAT, PIXELS, INTEGER = "float32", "uint8", "int8"

_RESULTS = """() => Array.from(document.querySelectorAll("#results li"),
  each => [Number(each.dataset.class), Number(each.dataset.probability)])"""
_FORGET = "() => document.getElementById('results').replaceChildren()"
_MEASURED = "document.getElementById('measured').textContent.includes('median')"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = shared(tmp_path_factory, "digit-images", digits.write_images)
    found = digits.image_paths("test", folder)
    return [found[place * len(found) // TESTED_ON] for place in range(TESTED_ON)]


@pytest.fixture(scope="module")
def app_of(tmp_path_factory):
    """The file and the app's folder of a kind of file."""

    @cache
    def make(kind):
        folder = tmp_path_factory.mktemp(kind)
        if kind == PIXELS:
            options = ("--format", "onnx", "--io", "uint8", "--layout", "nhwc", "--scores", "softmax")
            assert run("export", DIGITS, "--output", ".", *options, cwd=folder).code == 0
            (file,) = folder.glob("*.onnx")
        else:
            shared_files = {FLOAT: shared_digits, INTEGER: shared_quantized}[kind](tmp_path_factory)
            file = shared_files / "files" / f"m0-digits-{kind}.onnx"
        ran = run("deploy", file, "--to", "web", "--output", "app", cwd=folder)
        assert ran.code == 0, ran.errors
        assert "no runtime" not in ran.errors
        return file, folder / "app"

    return make


def native(file, paths):
    """The probabilities that the file gives, [images, classes]."""
    target = target_of(file)
    metadata = target.read_metadata(file)
    scores = target.open(file, kernels="off").run(metadata.preprocessing.batch(paths)).astype(np.float64)
    if metadata.scores == "softmax":
        return scores
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def classify(page, path):
    """The classes that the page shows and their probabilities, most likely first."""
    page.run(_FORGET)
    page.choose_file("#file", path)
    page.wait_for("document.querySelectorAll('#results li').length")
    return page.run(_RESULTS)


@pytest.mark.parametrize(
    ("kind", "tolerance"), [(FLOAT, FLOAT_TOLERANCE), (PIXELS, FLOAT_TOLERANCE), (INTEGER, INTEGER_TOLERANCE)]
)
def test_it_answers_as_the_session_does(app_of, paths, kind, tolerance):
    file, app = app_of(kind)
    with served(app) as address, opened() as page:
        page.open(address)
        page.wait_for("!document.getElementById('file').disabled")
        for path, expected in zip(paths, native(file, paths), strict=True):
            shown = classify(page, path)
            assert len(shown) == 5
            assert shown[0][0] == expected.argmax(), path
            assert [share for _, share in shown] == pytest.approx(np.sort(expected)[::-1][:5], abs=tolerance)
            assert [share for _, share in shown] == pytest.approx(
                expected[[at for at, _ in shown]], abs=tolerance
            )
        page.wait_for(_MEASURED)
        assert not page.complaints


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_the_screen(app_of, paths, width, dark):
    _, app = app_of(FLOAT)
    with served(app) as address, opened() as page:
        page.resize(width, 900, dark=dark)
        page.open(address)
        page.wait_for("!document.getElementById('file').disabled")
        classify(page, paths[7])
        page.wait_for(_MEASURED)
        assert page.run("() => document.documentElement.scrollWidth") <= width
        paper = page.screenshot()[2, 2]
        assert (paper < 64).all() if dark else (paper > 192).all()
        assert not page.complaints


def test_the_camera_runs_until_it_is_stopped(app_of):
    _, app = app_of(FLOAT)
    with served(app) as address, opened(camera=True) as page:
        page.open(address)
        page.wait_for("!document.getElementById('file').disabled")
        page.run("() => document.getElementById('camera').click()")
        page.wait_for("document.getElementById('measured').textContent.includes('frames')")
        assert page.run("() => document.getElementById('camera').textContent") == "Stop camera"
        page.run("() => document.getElementById('camera').click()")
        page.wait_for("document.getElementById('video').hidden")
        assert not page.run("() => document.getElementById('video').srcObject")
        assert not page.complaints


def test_without_a_camera_it_says_so(app_of):
    _, app = app_of(FLOAT)
    with served(app) as address, opened() as page:
        page.open(address)
        page.wait_for("!document.getElementById('file').disabled")
        page.run("() => document.getElementById('camera').click()")
        page.wait_for("document.getElementById('message').textContent")
        assert "camera was" in page.run("() => document.getElementById('message').textContent")
        assert page.run("() => document.getElementById('camera').textContent") == "Use camera"
        assert not page.complaints


def test_what_is_no_image_is_refused_and_the_next_image_taken(app_of, paths, tmp_path):
    _, app = app_of(FLOAT)
    (tmp_path / "notes.png").write_text("no image")
    with served(app) as address, opened() as page:
        page.open(address)
        page.wait_for("!document.getElementById('file').disabled")
        page.choose_file("#file", tmp_path / "notes.png")
        page.wait_for("document.getElementById('message').textContent.startsWith('notes.png is no image')")
        classify(page, paths[0])
        assert page.run("() => document.getElementById('message').hidden")
        assert not page.complaints


def test_an_isolated_page_takes_threads(app_of, paths):
    file, app = app_of(FLOAT)
    with served(app, isolated=True) as address, opened() as page:
        page.open(address)
        page.wait_for("!document.getElementById('file').disabled")
        assert page.run("() => crossOriginIsolated && navigator.hardwareConcurrency") >= 1
        ((place, share), *_) = classify(page, paths[0])
        (expected,) = native(file, paths[:1])
        assert share == pytest.approx(expected[place], abs=FLOAT_TOLERANCE)
        assert not page.complaints
