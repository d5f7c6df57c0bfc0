"""The page of a training run: what it shows, and that nothing in it is obeyed."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.report.chromium import DARK, measure, needs_browser, shoot
from benchmarks.report.markup import Reader, pictures
from PIL import Image
from training.fitted_samples import PREPROCESSING, Kept, encoded, epochs, fitted, plain, with_dataset

from micronet_edge.data.preprocessing import decode_image
from micronet_edge.errors import SettingsError
from micronet_edge.reports.thumbnails import thumbnail
from micronet_edge.training.events import TrainedFile
from micronet_edge.training.images import ImageSet
from micronet_edge.training.outcomes import accuracy, class_results, confusions, worst_mistakes
from micronet_edge.training.report_page import duration, page, write_report

EVIL = "<script>alert(1)</script>\x1b[31m\"'&\u202e"


def shown_images(text):
    for source in Reader(text).attributes("src"):
        assert source.startswith("data:image/jpeg;base64,")
        yield np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


# --- What was right


def test_the_accuracy_is_that_of_the_probabilities():
    found = accuracy(fitted())
    assert (found.images, found.right) == (24, 21)
    assert found.low < found.share == 0.875 < found.high


def test_each_class_says_what_it_was_taken_for():
    cat, dog, owl = class_results(fitted())
    assert (cat.confused_with, cat.confused, cat.accuracy.right) == ("dog", 1, 7)
    assert (dog.confused_with, dog.confused, dog.accuracy.right) == ("owl", 2, 6)
    assert (owl.confused_with, owl.confused, owl.accuracy.right) == (None, 0, 8)
    assert cat.training_images == 24


def test_pairs_come_by_their_number():
    assert [(each.label, each.taken_for, each.images) for each in confusions(fitted(), 5)] == [
        ("dog", "owl", 2),
        ("cat", "dog", 1),
    ]
    assert confusions(fitted(), 5)[0].share == 0.25
    assert len(confusions(fitted(), 1)) == 1


def test_the_surest_mistakes_come_first():
    assert [each.index for each in worst_mistakes(fitted(), 24)] == [10, 9, 0]
    assert [each.index for each in worst_mistakes(fitted(), 2)] == [10, 9]


def test_a_class_without_validation_images_is_named_and_has_no_share():
    run = fitted()
    run = with_dataset(run, labels=("cat", "dog", "owl", "yak"))
    run = replace(run, probabilities=np.pad(run.probabilities, ((0, 0), (0, 1))))
    assert class_results(run)[-1].accuracy is None
    assert "yak 0 no images" in Reader(page(run)).text


# --- The page


def test_it_shows_the_headline_figures():
    text = Reader(page(fitted())).text
    for shown in (
        "87.50%",
        "Best epoch",
        "28",
        "of 30 epochs",
        "6 min 15 s",
        "112",
        "72",
        "and 24 to validate",
    ):
        assert shown in text
    assert "3% of the time waiting" in text


def test_it_is_one_file_without_scripts():
    text = page(fitted())
    found = Reader(text)
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"script", "iframe", "object", "link rel"}
    assert all(value.startswith("data:") for value in found.attributes("href") + found.attributes("src"))
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_the_pictures_are_the_wrong_images_themselves():
    seen = [tuple(picture[70, 70]) for picture in shown_images(page(fitted()))]
    expected = [np.asarray(Image.open(io.BytesIO(plain(index))))[0, 0] for index in (10, 9, 0)]
    assert len(seen) == 3
    for one, other in zip(seen, expected, strict=True):
        assert np.abs(np.int32(one) - other).max() <= 4  # JPEG


def test_a_picture_shows_what_the_network_sees_in_its_own_colours():
    red = np.zeros((40, 80, 3), np.uint8)
    red[:, :20] = 255  # outside of the centre crop
    red[:, 20:60, 0] = 200
    for order in ("RGB", "BGR"):
        seen = thumbnail(decode_image(encoded(red), "red"), replace(PREPROCESSING, color_order=order))
        drawn = np.asarray(Image.open(io.BytesIO(seen)))
        assert drawn.shape == (144, 144, 3)
        assert np.abs(drawn[10:-10, 10:-10].reshape(-1, 3).mean(0) - [200, 0, 0]).max() < 6


def test_an_image_that_is_gone_leaves_a_gap_and_not_an_error():
    class Gone(Kept):
        def read(self, index):
            raise SettingsError(f"{index} is gone")

    run = fitted()
    gone = ImageSet(Gone(run.plan.dataset.validation.store.images), run.plan.dataset.validation.classes)
    assert page(with_dataset(run, validation=gone)).count('class="missing"') == 3


def test_nothing_of_the_user_is_markup():
    run = fitted(labels=(EVIL, "dog", "owl"))
    store = Kept(run.plan.dataset.validation.store.images, start=EVIL)
    run = with_dataset(
        run,
        warnings=(EVIL,),
        source=EVIL,
        validation=ImageSet(store, run.plan.dataset.validation.classes),
    )
    run = replace(run, plan=replace(run.plan, name=EVIL, recipe_name=EVIL, lines=(EVIL,)), ended=EVIL)
    text = page(run, (TrainedFile(Path(EVIL.replace("/", "")), EVIL, EVIL, 1, 0.5, 0.4, 0.6, None),))
    Reader(text)
    assert "<script" not in text
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e]", text)
    assert "&lt;script&gt;" in text


def test_the_curves_are_drawn_and_tell_their_values():
    loss, top1, rate, *_ = pictures(page(fitted()))
    for picture, lines in ((loss, 2), (top1, 2), (rate, 1)):
        drawn = [each for each in picture.iter() if each.tag.endswith("polyline")]
        assert len(drawn) == lines
        assert all(len(each.attrib["points"].split()) == 30 for each in drawn)
    assert "epoch 28 (the checkpoint): raw weights" in page(fitted())


def test_one_curve_of_accuracy_without_an_average():
    run = replace(fitted(), history=epochs(3, averaged=False), best=epochs(3)[1])
    assert "raw weights" not in page(run)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_run_of_one_epoch_and_of_no_finite_loss_has_a_page(loss):
    (first,) = epochs(1)
    first = replace(first, validation_loss=loss, train_seconds=0.0, lr=1e-9)
    text = page(replace(fitted(), history=(first,), best=first))
    assert 'points=""' in text
    assert "of 1 epoch" in Reader(text).text
    assert "nan" not in "".join(re.findall(r'(?:points|c[xy]|[xy][12]?)="([^"]*)"', text))


def test_a_heat_map_for_few_classes_and_a_table_for_many():
    few = page(fitted(labels=tuple("abcdefghij"), each=3, wrong=((0, 4),)))
    assert "Confusion matrix of 10 classes" in few
    assert "a taken for e: 1 image of 3 (33.3%)" in few
    many = page(fitted(labels=tuple(f"class {n}" for n in range(50)), each=3, wrong=((0, 4), (1, 4))))
    assert "Confusion matrix" not in many
    assert "class 0 class 4 2 66.7%" in Reader(many).text


def test_a_faultless_run_shows_no_mistakes():
    run = fitted(labels=tuple(f"class {n}" for n in range(50)), each=3, wrong=())
    assert {"Worst mistakes", "Confusion"}.isdisjoint(re.findall("<h2>(.*?)</h2>", page(run)))


def test_the_split_and_its_warnings_stand_there():
    run = with_dataset(fitted(), warnings=("class owl has 3 images",), skipped=2)
    text = Reader(page(run)).text
    assert "class owl has 3 images" in text
    assert "Unreadable files left out: 2." in text
    assert "by a hash of their content" in text
    assert "as they were given" in Reader(page(with_dataset(run, divided=False))).text


def test_the_recipe_stands_there_by_dotted_names():
    text = Reader(page(fitted())).text
    assert "optimizer.lr 0.1" in text
    assert "augmentation.crop_area 1 to 1" in text
    assert "schedule.patience none" in text


def test_exported_files_stand_there():
    files = (TrainedFile(Path("a/m0-int8.onnx"), "onnx", "int8", 1_230_000, 0.875, 0.69, 0.957, 1.5),)
    assert "m0-int8.onnx onnx int8 1.23 1.50 87.50% 69.00% to 95.70%" in Reader(page(fitted(), files)).text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3600 * 25 + 61, "25 h 01 min")]
)
def test_a_time_is_written_in_its_largest_units(seconds, text):
    assert duration(seconds) == text


def test_it_is_written_over_an_older_one(tmp_path):
    (tmp_path / "report.html").write_text("older")
    path = write_report(fitted(), tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text().startswith("<!doctype html>")


@needs_browser
@pytest.mark.parametrize("classes", [3, 40, 60])
def test_nothing_stands_out_on_a_phone(tmp_path, classes):
    labels = tuple(f"a class of long name {n}" for n in range(classes))
    found = measure(page(fitted(labels=labels, wrong=((0, 1), (9, 2)))), tmp_path, 390)
    assert found["scroll"] <= 390


@needs_browser
def test_the_browser_shows_the_pictures_and_complains_of_nothing(tmp_path):
    text = page(fitted())
    dark, light = (shoot(text, tmp_path, 1000, 1500, scheme) for scheme in (DARK, 1))
    assert dark.console == light.console == []
    assert dark.pixels.mean() < 100
    assert light.pixels.mean() > 200


@pytest.mark.parametrize(("labels", "turned"), [(("0", "1", "2"), False), (("cat", "dog", "owl"), True)])
def test_short_names_stand_upright_above_the_heat_map(labels, turned):
    assert ("rotate(-90" in page(fitted(labels=labels))) is turned
