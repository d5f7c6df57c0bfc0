"""What a run and its checkpoint are called."""

import pytest

from micronet_edge.training.prepare import run_name


@pytest.mark.parametrize(
    ("variant", "data", "output", "name"),
    [
        ("m0", "photos", None, "m0-photos"),
        ("m1", "a/photos/", None, "m1-photos"),
        ("m0", "photos-{000..099}.tar", None, "m0-photos"),
        ("m0", "m0-photos", None, "m0-photos"),
        ("m0", "a/data/train", "out/m0-digits", "m0-digits"),
        ("m0", "photos", "runs/7", "m0-7"),
        ("m1", "photos", "m0-photos", "m1-m0-photos"),
        ("m0", "photos", "/", "m0-photos"),
    ],
)
def test_it_is_the_variant_with_the_folder(variant, data, output, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_name(variant, data, output) == name


def test_the_folder_of_this_place_has_its_own_name(tmp_path, monkeypatch):
    (tmp_path / "pets").mkdir()
    monkeypatch.chdir(tmp_path / "pets")
    assert run_name("m0", "photos", ".") == "m0-pets"
