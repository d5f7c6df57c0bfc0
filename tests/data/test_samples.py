"""Arrays for the inputs of a network that takes no images, and what is wrong with some."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.samples import default_samples, read_calibration_of, read_inputs, read_samples
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.data.unseen_images import ENOUGH, parted
from micronet_edge.errors import SettingsError

ONE = (TensorSpec("x", (4, 6)),)
TWO = (*ONE, TensorSpec("scale", ()))
OUT = (TensorSpec("y", (2,)),)
ARRAYS = FileMetadata("net", (), Preprocessing(1, 1), "a" * 64, signature=Signature(TWO, OUT))
IMAGES = FileMetadata("net", ("a", "b"), Preprocessing(16, 16), "a" * 64)


def numbers(count, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def two(count):
    return {"x": numbers(count, 4, 6), "scale": numbers(count, seed=1)}


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        path = tmp_path / "samples.npz"
        np.savez(path, **arrays)
        return path

    return save


def test_arrays_come_in_the_order_of_the_inputs(saved, tmp_path):
    given = two(3)
    first, second = read_inputs(saved(scale=given["scale"], x=given["x"], other=numbers(1)), TWO)
    np.testing.assert_array_equal(first, given["x"])
    np.testing.assert_array_equal(second, given["scale"])
    np.save(tmp_path / "one.npy", given["x"])
    np.testing.assert_array_equal(read_inputs(tmp_path / "one.npy", ONE)[0], given["x"])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": numbers(3, 4, 6)}, "lacks scale (it holds x)"),
        (two(3) | {"scale": numbers(2)}, "3 of x, 2 of scale: give as many samples"),
        (two(3) | {"x": numbers(3, 6, 4)}, "x is float32 [3, 6, 4]: give float32 [n, 4, 6]"),
        (two(3) | {"x": numbers(3, 4, 6).astype(np.float64)}, "x is float64 [3, 4, 6]: give float32"),
        (two(3) | {"scale": numbers(3, 1)}, "scale is float32 [3, 1]: give float32 [n]"),
        (two(3) | {"x": np.float32(1)}, "x is float32 []"),
        (two(0), "holds 0 samples: give at least one"),
        (two(3) | {"scale": np.float32([0, np.nan, 1])}, "scale holds NaN or infinity in sample 1"),
        (two(3) | {"scale": np.float32([0, 1, np.inf])}, "scale holds NaN or infinity in sample 2"),
    ],
)
def test_arrays_that_do_not_fit(saved, refusal, arrays, said):
    assert said in refusal(SettingsError, read_inputs, saved(**arrays), TWO)


def test_files_that_do_not_fit(refusal, tmp_path):
    assert "takes arrays, not images" in refusal(SettingsError, read_inputs, tmp_path, TWO)
    said = refusal(SettingsError, read_inputs, tmp_path / "none.npz", TWO)
    assert "none.npz does not exist: give a .npy or .npz file with arrays for x [4, 6], scale" in said
    (tmp_path / "rows.csv").write_text("1,2")
    assert "no .npy or .npz file" in refusal(SettingsError, read_inputs, tmp_path / "rows.csv", TWO)
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    assert "bad.npy" in refusal(SettingsError, read_inputs, tmp_path / "bad.npy", ONE)
    np.save(tmp_path / "one.npy", numbers(3, 4, 6))
    said = refusal(SettingsError, read_inputs, tmp_path / "one.npy", TWO)
    assert "lacks x, scale (it holds one array without a name)" in said


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_objects_are_refused_without_advice_to_load_them(suffix, refusal, tmp_path):
    raw, objects = tmp_path / f"raw.{suffix}", tmp_path / f"objects.{suffix}"
    raw.write_bytes(pickle.dumps([1, 2]))
    save = np.save if suffix == "npy" else np.savez
    save(objects, np.array([{}], object), allow_pickle=True)
    for path in (raw, objects):
        said = refusal(SettingsError, read_inputs, path, ONE)
        assert said.startswith(str(path))
        assert said.endswith("save it again")
        assert "pickle" not in said


def test_calibration_of_arrays(saved, refusal):
    found = read_calibration_of(ARRAYS, saved(**two(ENOUGH)))
    assert [each.shape for each in found.inputs] == [(ENOUGH, 4, 6), (ENOUGH,)]
    split = parted(found)
    assert [len(each) for each in split.proven_on] == [8, 8]
    assert [len(each) for each in split.found_on.inputs] == [56, 56]
    for whole, held_out in zip(found.inputs, split.proven_on, strict=True):
        np.testing.assert_array_equal(whole[4::8], held_out)
    assert "31 samples, too few" in refusal(SettingsError, read_calibration_of, ARRAYS, saved(**two(31)))
    alike = {"x": np.ones((40, 4, 6), np.float32), "scale": np.ones(40, np.float32)}
    assert "are identical" in refusal(SettingsError, read_calibration_of, ARRAYS, saved(**alike))


def test_images_for_an_image_network(tmp_path, refusal):
    Image.open(photographs()[0]).save(tmp_path / "one.png")
    found = read_samples(tmp_path, IMAGES)
    assert (found.count, found.called(0), found.made_up) == (1, "one.png", False)
    np.save(tmp_path / "wrong.npy", numbers(2, 4, 6))
    assert "give uint8" in refusal(SettingsError, read_samples, tmp_path / "wrong.npy", IMAGES)
    np.save(tmp_path / "none.npy", numbers(0, 3, 16, 16))
    assert "holds no images" in refusal(SettingsError, read_samples, tmp_path / "none.npy", IMAGES)


def test_without_samples_there_are_photographs_or_noise():
    assert default_samples(IMAGES).count == len(photographs())
    found = default_samples(ARRAYS)
    assert found.made_up
    assert [each.shape[1:] for each in found.inputs] == [(4, 6), ()]
    np.testing.assert_array_equal(found.inputs[0], default_samples(replace(ARRAYS, variant="b")).inputs[0])
