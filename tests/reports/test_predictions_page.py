"""The contact sheet of predictions: complete, safe, and readable in a browser of any width."""

import re
from pathlib import Path

import numpy as np
import pytest
from benchmarks.report.chromium import DARK, LIGHT, measure, needs_browser, shoot
from benchmarks.report.markup import Reader
from PIL import Image

from micronet_edge.classification.pictures import Picture
from micronet_edge.classification.predict import Prediction, Predictions
from micronet_edge.classification.probabilities import Classification
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.reports import predictions_page
from micronet_edge.reports.predictions_page import page
from micronet_edge.targets.described_files import Described

EVIL = ('<script>alert("x")</script>', "a'b\\", "caf\u00e9 \u202e", "\x00\x1b[31m", "&amp;", "x" * 300)
LABELS = ("cat", "dog", *EVIL)
METADATA = FileMetadata("pets", LABELS, Preprocessing.imagenet(32), None)


def prediction(name, best, score, folder=None, others=()):
    rest = (1 - score) / (len(LABELS) - 1)
    others = [label for label in LABELS if label != best][:4]
    classes = [Classification(best, score, LABELS.index(best))]
    classes += [Classification(label, rest, LABELS.index(label)) for label in others]
    image = Image.fromarray(np.full((48, 64, 3), 128, np.uint8))
    return Prediction(Picture(name, None, folder, image), tuple(classes))


def predictions(*found, skipped=0):
    return Predictions(Path("pets.onnx"), Described(METADATA), found, skipped)


MIXED = predictions(
    prediction("sure.png", "cat", 0.99, "cat"),
    prediction("unsure.png", "dog", 0.4, "dog"),
    prediction("slightly wrong.png", "cat", 0.5, "dog"),
    prediction("very wrong.png", "dog", 0.97, "cat"),
    *(prediction(f"{label}.png", label, 0.9) for label in EVIL),
    skipped=2,
)


def test_mistakes_come_first_and_the_surest_of_them_before_the_others():
    text = Reader(page(MIXED)).text
    order = ["Mistakes", "very wrong", "slightly wrong", "Right", "unsure", "sure", "In no class folder"]
    places = [text.index(each, text.index("Mistakes")) for each in order]
    assert places == sorted(places)
    assert "50.00% of 4 in class folders" in text
    assert "2 unreadable files left out" in text
    assert "97.0%" in text


def test_pictures_without_classes_keep_their_order():
    text = Reader(page(predictions(*(prediction(name, "cat", 0.5) for name in ("b", "a"))))).text
    assert "Mistakes" not in text
    assert text.index(" b ") < text.index(" a ")


def test_nothing_of_a_label_or_a_name_is_markup():
    found = page(MIXED)
    reader = Reader(found)
    assert not {tag for tag, _ in reader.tags} & {"script", "iframe", "object"}
    assert '<script>alert("x")</script>' in reader.text
    assert not re.search("[\x00\x1b\u202e]", found)
    assert all(re.fullmatch(r"--share: [0-9.]+%", style) for style in reader.attributes("style"))
    assert all(source.startswith("data:image/jpeg;base64,") for source in reader.attributes("src"))


def test_a_large_folder_leaves_the_last_out_and_says_so(monkeypatch):
    monkeypatch.setattr(predictions_page, "MOST_SHOWN", 3)
    found = page(MIXED)
    assert found.count("<figure") == 3
    assert "1 picture left out to keep the page small" in found
    assert "6 pictures left out" in Reader(page(predictions(*MIXED.found[4:], *MIXED.found[4:7]))).text


def test_a_picture_that_is_gone_leaves_a_gap(tmp_path):
    gone = Picture("gone.png", tmp_path / "gone.png")
    assert 'class="missing"' in page(predictions(Prediction(gone, MIXED.found[0].classes)))


@needs_browser
@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_it_opens_without_complaints_on_paper_of_its_scheme(tmp_path, scheme):
    shot = shoot(page(MIXED), tmp_path, 1280, 900, scheme)
    assert shot.console == []
    assert (shot.pixels[5, 5] > 200).all() == (scheme == LIGHT)


@needs_browser
def test_it_fits_a_phone(tmp_path):
    found = measure(page(MIXED), tmp_path, 390)
    assert found["scroll"] <= 390
    assert found["right"] <= 391
