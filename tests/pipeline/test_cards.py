"""The model cards that an export writes, and what it says of other readers."""

import pytest
from torch import nn

from micronet_edge import ExportSettings, FileMetadata, Preprocessing, export
from micronet_edge.errors import OutputError

LABELS = ("cat", "<b>dog</b>")


def small():
    """A classifier of two classes."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    ).eval()


def exported(folder, order="RGB", **settings):
    preprocessing = Preprocessing(size=32, resize=36, color_order=order)
    metadata = FileMetadata("small", LABELS, preprocessing)
    return export(small(), metadata=metadata, settings=ExportSettings(output=folder, **settings))


def test_each_file_has_one(tmp_path):
    onnx, tflite = exported(tmp_path)
    assert onnx.card == tmp_path / "small-float32.onnx.md"
    assert tflite.card == tmp_path / "small-float32.tflite.md"
    assert "float32, [1, 3, 32, 32], channels first" in onnx.card.read_text()
    assert "float32, [1, 32, 32, 3], channels last" in tflite.card.read_text()
    for file in (onnx, tflite):
        text = file.card.read_text()
        assert "0  cat\n1  <b>dog</b>\n" in text
        assert "multiply-adds for an image" in text
        assert f"`{file.manifest.name}`" in text
        assert text.endswith("Not stated.\n")
    assert "MediaPipe" not in onnx.card.read_text()
    assert "`--pixels unit` or `--io uint8`" in tflite.card.read_text()


def test_the_same_network_has_the_same_card(tmp_path):
    network = small()
    for folder in ("one", "two"):
        metadata = FileMetadata("small", LABELS, Preprocessing(size=32, resize=36))
        settings = ExportSettings(output=tmp_path / folder, formats=("onnx",))
        (file,) = export(network, metadata=metadata, settings=settings)
    assert file.card.read_bytes() == (tmp_path / "one" / file.card.name).read_bytes()


def test_blue_first_is_said_when_the_file_is_written(tmp_path):
    for file in exported(tmp_path, "BGR"):
        assert [note for note in file.notes if note.startswith("MediaPipe feeds RGB")]
    assert not [note for file in exported(tmp_path / "rgb") for note in file.notes if "MediaPipe" in note]


def test_an_existing_card_is_kept(tmp_path):
    card = tmp_path / "small-float32.onnx.md"
    card.write_text("mine")
    with pytest.raises(OutputError, match=r"small-float32\.onnx\.md exists"):
        exported(tmp_path, formats=("onnx",))
    assert [path.name for path in tmp_path.iterdir()] == [card.name]
    assert card.read_text() == "mine"
    (file,) = exported(tmp_path, formats=("onnx",), overwrite=True)
    assert file.card.read_text() != "mine"
