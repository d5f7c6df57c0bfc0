"""WebDataset shards give the same images in the same order as folders, or are refused in one line."""

import gzip
import io
import json
import pickle
import tarfile

import numpy as np
import pytest
import webdataset
from PIL import Image
from webdataset.tariterators import group_by_keys, tar_file_iterator

from micronet_edge.errors import SettingsError
from micronet_edge.training import stores
from micronet_edge.training.dataset import read_dataset

COUNT = 24
LABELS = ("cat", "dog", "owl")


def encoded(number, kind="PNG"):
    stream = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (8, 9, 3), np.uint8)
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def text(number):
    return {"cls": LABELS[number % 3].encode()}


def number_of_class(number):
    return {"cls": str(number % 3).encode()}


def record(number):
    return {"json": json.dumps({"label": number % 3}).encode()}


def tar(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write(folder, label=text, shards=3, count=COUNT, first=0):
    """Shards as the library itself writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        with webdataset.TarWriter(str(folder / f"shards-{shard:04d}.tar")) as writer:
            for number in range(shard * count // shards, (shard + 1) * count // shards):
                writer.write({"__key__": f"{number:05d}", "png": encoded(first + number), **label(number)})
    return folder


def in_folders(folder, count=COUNT):
    for number in range(count):
        path = folder / LABELS[number % 3] / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(number))
    return folder


def read(data, validation=None, *, skip_unreadable=False):
    return read_dataset(data, validation, skip_unreadable=skip_unreadable, report=[].append)


def contents(images):
    return {images.store.read(number): images.classes[number] for number in range(images.count)}


def test_shards_give_the_same_images_and_split_as_folders(tmp_path):
    shards, folders = read(write(tmp_path / "shards")), read(in_folders(tmp_path / "folders"))
    assert shards.labels == folders.labels == LABELS
    assert shards.divided
    assert contents(shards.train) == contents(folders.train)
    assert contents(shards.validation) == contents(folders.validation)
    assert set(shards.train.hashes) == set(folders.train.hashes)


def test_a_pattern_a_folder_and_one_file_are_understood(tmp_path):
    folder = write(tmp_path)
    pattern = read(str(folder / "shards-{0000..0002}.tar"))
    assert pattern.sha256 == read(folder).sha256
    assert pattern.source == str(folder / "shards-{0000..0002}.tar")
    some = read(str(folder / "shards-{0000..0001}.tar"))
    assert some.train.count + some.validation.count == 2 * COUNT // 3
    assert read(write(tmp_path / "one", shards=1) / "shards-0000.tar").train.count > 0


def test_training_and_validation_shards_may_be_given(tmp_path):
    write(tmp_path / "train")
    write(tmp_path / "val", count=6, first=500)
    inside = read(tmp_path)
    assert (inside.train.count, inside.validation.count, inside.divided) == (COUNT, 6, False)
    beside = read(tmp_path / "train", str(tmp_path / "val" / "shards-{0000..0002}.tar"))
    assert beside.sha256 == inside.sha256


@pytest.mark.parametrize("label", [number_of_class, record])
def test_labels_may_be_numbers_with_names_beside_them(tmp_path, label):
    folder = write(tmp_path, label)
    plain = read(folder)
    assert plain.labels == ("0", "1", "2")
    (folder / "labels.txt").write_text("cat\ndog\nowl\n")
    assert read(folder).labels == LABELS
    assert read(folder).train.classes == plain.train.classes


def test_more_than_ten_numbers_are_in_their_order(tmp_path):
    folder = write(tmp_path, lambda number: {"cls": str(number % 12).encode()})
    assert read(folder).labels == tuple(map(str, range(12)))


def test_the_library_reads_the_same_samples(tmp_path):
    folder = write(tmp_path)
    expected = []
    for path in folder.iterdir():
        with path.open("rb") as stream:
            members = [{**each, "__url__": ""} for each in tar_file_iterator(stream)]
            expected += [each["png"] for each in group_by_keys(members)]
    assert len(expected) == COUNT
    found = read(folder)
    assert {*contents(found.train), *contents(found.validation)} == set(expected)


def test_a_store_reads_at_once_after_it_was_passed_to_a_process(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "_MOST_OPEN", 1)
    images = read(write(tmp_path)).train
    before = contents(images)
    store = pickle.loads(pickle.dumps(images.store))  # noqa: S301 - our own
    assert [store.read(number) for number in reversed(range(images.count))] == list(before)[::-1]
    assert store.name(0) == f"{tmp_path / 'shards-0000.tar'}: 00000.png"


def test_meta_members_and_names_without_suffix_are_passed_over(tmp_path):
    pairs = [(f"{number}.{kind}", content) for number in range(12) for kind, content in sample(number)]
    extra = [("README", b"x"), ("__meta__.png", b"x"), ("._0.png", b"x")]
    tar(tmp_path / "a.tar", [*extra, *pairs])
    found = read(tmp_path)
    assert found.train.count + found.validation.count == 12


def sample(number):
    return [("jpg", encoded(number, "JPEG")), *text(number).items()]


def test_an_unreadable_member_is_named_or_counted(tmp_path, refusal):
    members = [(f"{number}.{kind}", content) for number in range(12) for kind, content in sample(number)]
    members[4] = ("2.jpg", b"no image")
    path = tar(tmp_path / "a.tar", members)
    assert refusal(SettingsError, read, path).startswith(f"{path}: 2.jpg cannot be read as an image")
    assert read(path, skip_unreadable=True).warnings[0] == "skipped 1 unreadable file: a.tar/2.jpg"


PAIR = [("0.png", encoded(0)), ("0.cls", b"cat"), ("1.png", encoded(1)), ("1.cls", b"dog")]
REFUSED = {
    "no label": ([*PAIR, ("2.png", b"")], "2.png has no label: write 2.cls beside it, or 2.json with a"),
    "no image": ([*PAIR, ("2.cls", b"cat")], "2 has no image, only .cls: write 2.jpg or .png beside it"),
    "empty label": ([*PAIR, ("2.png", b""), ("2.cls", b" ")], "2.png has no label"),
    "label of bytes": ([*PAIR, ("2.png", b""), ("2.cls", b"\xff")], "2.png has no label"),
    "broken json": ([*PAIR, ("2.png", b""), ("2.json", b"{")], "2.png has no label"),
    "other json": ([*PAIR, ("2.png", b""), ("2.json", b'{"label": [1]}')], "2.png has no label"),
    "twice": ([*PAIR, ("1.png", b"")], "1.png is there twice"),
    "one class": (PAIR[:2], "holds one class, 'cat'"),
    "empty": ([], "holds no images: give shards of images with their labels"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_members_are_refused_with_their_name(kind, tmp_path, refusal):
    members, reason = REFUSED[kind]
    message = refusal(SettingsError, read, tar(tmp_path / "a.tar", members))
    assert message.startswith(str(tmp_path / "a.tar"))
    assert reason in message


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75, 0.9])
def test_a_shard_that_is_cut_off_is_refused(tmp_path, refusal, share):
    path = write(tmp_path, shards=1) / "shards-0000.tar"
    content = path.read_bytes()
    for end in (int(len(content) * share), int(len(content) * share) // 512 * 512):
        path.write_bytes(content[:end])
        message = refusal(SettingsError, read, path)
        assert message.startswith(str(path))
        assert message.endswith("copy it again")


def test_a_damaged_header_is_refused_and_not_taken_for_the_end(tmp_path, refusal):
    path = tar(tmp_path / "a.tar", PAIR * 1)
    content = bytearray(path.read_bytes())
    content[1024 : 1024 + 512] = b"x" * 512
    path.write_bytes(content)
    assert refusal(SettingsError, read, path).endswith("copy it again")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz"])
def test_a_compressed_shard_is_refused_with_the_command(tmp_path, refusal, name):
    path = tar(tmp_path / "whole" / "a.tar", PAIR)
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / name).write_bytes(gzip.compress(path.read_bytes()))
    message = refusal(SettingsError, read, tmp_path / "packed")
    assert message.endswith("is compressed, so that no image in it can be read alone: unpack it with gunzip")


def test_missing_shards_and_labels_are_named(tmp_path, refusal):
    folder = write(tmp_path, number_of_class)
    message = refusal(SettingsError, read, str(folder / "shards-{0000..0004}.tar"))
    assert message.startswith(f"2 shards of 5 cannot be found: {folder / 'shards-0003.tar'}, ")
    (folder / "labels.txt").write_text("cat\ndog\n")
    assert "labels.txt lacks labels of the shards: 2" in refusal(SettingsError, read, folder)


def test_a_shard_that_changes_under_way_is_refused(tmp_path, refusal):
    images = read(write(tmp_path, shards=1)).train
    (tmp_path / "shards-0000.tar").write_bytes(b"short")
    assert refusal(SettingsError, images.store.read, 3).endswith("the shard has changed; copy it again")
