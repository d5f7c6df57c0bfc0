"""Which folder is which class is never chosen in silence."""

import numpy as np
import pytest
from PIL import Image

from micronet_edge.data.image_folders import read_labelled
from micronet_edge.data.labels import numbered, read_labels, repeated_labels_note
from micronet_edge.errors import SettingsError

TWELVE = numbered(12)
AS_TEXT = ("0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9")


@pytest.fixture
def folders(tmp_path):
    """A folder of images for each name, one image in each."""

    def call(names):
        for number, name in enumerate(names):
            (tmp_path / "data" / name).mkdir(parents=True)
            pixels = np.full((8, 8, 3), number, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / "1.png")
        return tmp_path / "data"

    return call


def test_twelve_numbered_folders_without_labels_have_two_readings(folders, refusal):
    data = folders(TWELVE)
    said = refusal(SettingsError, read_labelled, data, TWELVE, labels_assumed=True)
    assert said.startswith(
        f"{data}: the order of the 12 classes is unknown, since the network carries only assumed numbers "
        "as labels"
    )
    assert (
        "By number, folder '2' is class 2; as text, in the order of ImageFolder (0, 1, 10, 2), it is class 4"
        in said
    )
    assert "Give --labels FILE" in said
    assert "ls DIR | sort -n" in said
    assert "LC_ALL=C sort" in said


@pytest.mark.parametrize("labels", [TWELVE, AS_TEXT], ids=["by number", "as text"])
def test_labels_that_were_given_settle_the_order(folders, labels):
    found = read_labelled(folders(TWELVE), labels)
    assert found.folders == dict(enumerate(labels))
    assert [labels[place] for place in found.classes] == list(labels)
    assert found.order.startswith(
        "classes, in the order of the network's labels: '0' is class 0, '1' is class 1"
    )


def test_up_to_ten_numbered_folders_have_one_reading_which_is_said(folders):
    found = read_labelled(folders(numbered(10)), numbered(10), labels_assumed=True)
    assert found.classes == tuple(range(10))
    assert found.order == (
        "classes: folder '0' is class 0, and so on by number, since the network carries only "
        "assumed numbers as labels (--labels FILE sets others); as text the order is the same"
    )


@pytest.mark.parametrize(
    ("names", "refused"),
    [(("0", "1"), False), (("0", "1", "2"), True), (("11",), True), (("10", "11"), True)],
)
def test_some_folders_of_many_classes_are_read_where_both_readings_agree(folders, refusal, names, refused):
    data = folders(names)
    if refused:
        assert "is unknown" in refusal(SettingsError, read_labelled, data, TWELVE, labels_assumed=True)
    else:
        assert read_labelled(data, TWELVE, labels_assumed=True).classes == (0, 1)


def test_folders_of_names_want_labels(folders, refusal):
    data = folders(("cat", "dog"))
    said = refusal(SettingsError, read_labelled, data, numbered(2), labels_assumed=True)
    assert (
        "no labels of the network: cat, dog. Its labels are only the numbers 0 to 1: give --labels FILE"
        in said
    )
    assert "in the order of training (ImageFolder: ls DIR | LC_ALL=C sort)" in said


# --- Files of labels


def test_a_file_of_labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xef\xbb\xbfcat\r\n\r\n dog \r\n\xc3\xa9mu")
    assert read_labels(path, 3) == read_labels(path) == ("cat", "dog", "ému")


@pytest.mark.parametrize(
    ("content", "classes", "said"),
    [
        (b"cat\ndog\n", 3, "names 2 classes, the network has 3: give one label per line for each class"),
        (b"\n \n", None, "holds no labels: give one label per line"),
        (b"\xff\xfe", None, "cannot be read ("),
        (
            b"cat\n" * 17_000_000,
            3,
            "has 68,000,000 bytes, more than the 67,108,864",
        ),
    ],
    ids=["two for three", "none", "no UTF-8", "large"],
)
def test_a_file_of_other_labels(tmp_path, refusal, content, classes, said):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    message = refusal(SettingsError, read_labels, path, classes)
    assert message.startswith(f"labels file {path} ")
    assert said in message


def test_labels_of_several_classes_are_warned_of():
    assert repeated_labels_note(("a", "b")) is None
    note = repeated_labels_note(("a",) * 10)
    assert note.startswith(
        "10 classes have 1 different labels ('a' 10 times): users cannot tell such classes apart"
    )
    assert "6 classes have 4 different labels ('crane' 2 times, 'x' 2 times)" in (
        repeated_labels_note(("crane", "b", "c", "crane", "x", "x"))
    )
