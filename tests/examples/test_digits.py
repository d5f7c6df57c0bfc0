"""The digits example: its images are scikit-learn's, its checkpoint reads them."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.evaluation.evaluate import evaluate
from micronet_edge.models import load_checkpoint

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def load_script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, DIGITS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


images = load_script("images")
CHECKPOINT = DIGITS / "m0-digits.safetensors"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return images.write_images(tmp_path_factory.mktemp("digits"))


def positions(part, folder):
    return [int(path.stem) for path in images.image_paths(part, folder)]


def state(folder):
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    }


def test_the_split_takes_every_image_once(data):
    training, test = positions("train", data), positions("test", data)
    assert (len(training), len(test)) == (1400, 397)
    assert sorted(training + test) == list(range(1797))


def test_no_test_image_looks_like_a_training_image(data):
    training, test = (
        {path.read_bytes() for path in images.image_paths(part, data)} for part in ("train", "test")
    )
    assert not training & test


@pytest.mark.parametrize(("part", "count"), [("train", 1400), ("test", 397)])
def test_every_digit_has_the_same_share_in_both_parts(data, part, count):
    labels = [images.image_label(path) for path in images.image_paths(part, data)]
    expected = np.bincount(load_digits().target) * count / 1797
    assert np.abs(np.bincount(labels) - expected).max() <= 1


def test_the_files_hold_what_scikit_learn_has(data):
    digits = load_digits()
    for path in [*images.image_paths("train", data), *images.image_paths("test", data)]:
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (8, 8))
            cells = np.round(np.asarray(image) / 255 * 16)
        assert images.image_label(path) == digits.target[int(path.stem)]
        np.testing.assert_array_equal(cells, digits.images[int(path.stem)])


def test_a_second_run_does_nothing_and_needs_no_scikit_learn(data, monkeypatch):
    before = state(data)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)  # an import would fail
    images.write_images(data)
    assert state(data) == before


def test_a_run_after_an_interrupted_one_writes_the_rest(tmp_path, monkeypatch):
    write, written = images._write_png, []

    def stop_early(path, cells, partial):
        if len(written) == 100:
            raise KeyboardInterrupt
        written.append(path)
        write(path, cells, partial)

    with monkeypatch.context() as patch:
        patch.setattr(images, "_write_png", stop_early)
        with pytest.raises(KeyboardInterrupt):
            images.write_images(tmp_path)
    before = state(tmp_path)
    assert sorted(before) == sorted(written)

    after = state(images.write_images(tmp_path))
    assert len(after) == 1797
    assert before.items() <= after.items()


def test_the_committed_checkpoint_reads_the_test_images(data):
    checkpoint = load_checkpoint(CHECKPOINT, variant="m0", num_classes=10)
    assert checkpoint.path.stat().st_size <= 2_000_000
    assert checkpoint.labels == tuple("0123456789")
    assert checkpoint.preprocessing == Preprocessing(size=96, resize=96)
    assert evaluate(CHECKPOINT, data / "test").top1.right >= 0.97 * 397
