"""What is no regular file of a sane size is refused in one line, before it is waited for or fills memory."""

import os
import zipfile
from pathlib import Path

import pytest

from micronet_edge.errors import SettingsError
from micronet_edge.util.user_files import (
    Kind,
    archive_problem,
    check_archive,
    check_file,
    parse_json,
    read_json,
    read_text,
)

KIND = Kind("tuning", 1000, "make it again", SettingsError)
UNNAMED = Kind("", 1000, "make it again", SettingsError)


def put(folder, name, content=b"{}"):
    (folder / name).write_bytes(content)
    return folder / name


def test_a_sound_file_is_read(tmp_path):
    assert read_text(put(tmp_path, "a.txt", b"\xef\xbb\xbfcaf\xc3\xa9"), KIND) == "caf\u00e9"
    assert read_json(put(tmp_path, "a.json", b'{"a": [1, 2.5, "x"]}'), KIND) == {"a": [1, 2.5, "x"]}
    (tmp_path / "link").symlink_to("a.txt")
    check_file(tmp_path / "link", KIND)


def odd_file(kind, folder):
    path = folder / kind.replace(" ", "-")
    make = {
        "a pipe": lambda: os.mkfifo(path),
        "a device": lambda: path.symlink_to("/dev/zero"),
        "a loop": lambda: path.symlink_to(path.name),
        "dangling": lambda: path.symlink_to("nowhere"),
        "a folder": path.mkdir,
        "empty": path.touch,
        "too large": lambda: path.write_bytes(bytes(1001)),
        "below a file": lambda: put(folder, "file"),
    }
    make.get(kind, lambda: None)()
    elsewhere = {
        "below a file": folder / "file" / "x",
        "a long name": folder / ("a" * 256),
        "a zero byte": folder / "a\0b",
        "made up": Path("/proc/self/environ"),
    }
    return elsewhere.get(kind, path)


@pytest.mark.parametrize(
    ("kind", "error_line"),
    [
        ("missing", "does not exist: check the path"),
        ("dangling", "does not exist: check the path"),
        ("below a file", "cannot be read (Not a directory): check the path"),
        ("a pipe", "is a pipe, not a file: save its content to a file"),
        ("a device", "is a device, not a file: save"),
        ("a loop", "cannot be read (Too many levels of symbolic links): check"),
        ("a folder", "is a folder, not a file: make it again"),
        ("empty", "is empty (0 bytes): copy or download it again"),
        ("made up", "is empty (0 bytes)"),
        ("too large", "has 1,001 bytes, more than the 1,000 that such a file may have: make it again"),
        ("a long name", "cannot be read (File name too long): check the path"),
        ("a zero byte", "cannot be read (embedded null byte): check the path"),
    ],
)
def test_an_odd_file(tmp_path, refusal, kind, error_line):
    path = odd_file(kind, tmp_path)
    for read in (check_file, read_text, read_json):
        assert refusal(SettingsError, read, path, KIND).startswith(f"tuning {path} {error_line}")
    assert refusal(SettingsError, check_file, path, UNNAMED).startswith(f"{path} {error_line}")


def test_a_name_of_thousands_of_letters_is_cut_short(tmp_path, refusal):
    assert len(refusal(SettingsError, check_file, tmp_path / ("a" * 5000), KIND)) < 250


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights(tmp_path, refusal):
    put(tmp_path, "a").chmod(0)
    assert "cannot be read (Permission denied)" in refusal(SettingsError, check_file, tmp_path / "a", KIND)


# --- JSON


@pytest.mark.parametrize(
    ("text", "error_line"),
    [
        ("[" * 200_000, "are nested too deep"),
        ('{"a":' * 200_000, "are nested too deep"),
        ("1" + "0" * 400, "a whole number of 401 digits"),
        (str(2**63), "a whole number of 19 digits"),
        ("[-1" + "0" * 5000 + "]", "a whole number of 5001 digits"),
        (r'"\ud800"', "it holds a lone surrogate"),
        (r'{"\uDFFF": 1}', "it holds a lone surrogate"),
        ("{", "Expecting property name"),
        ("", "Expecting value"),
        ("{} {}", "Extra data"),
    ],
    ids=[
        "lists",
        "objects",
        "digits",
        "64 bits",
        "many digits",
        "surrogate",
        "key",
        "open",
        "nothing",
        "two",
    ],
)
def test_what_is_no_json_or_breaks_readers(tmp_path, refusal, text, error_line):
    assert error_line in refusal(ValueError, parse_json, text)
    kind = Kind("tuning", 10_000_000, "make it again", SettingsError)
    path = put(tmp_path, "a.json", text.encode() or b" ")
    said = refusal(SettingsError, read_json, path, kind)
    assert said.startswith(f"tuning {path} cannot be read (")
    assert error_line in said
    assert said.endswith("): make it again")


def test_numbers_of_64_bits_and_whole_characters_are_json():
    assert parse_json(f"[{2**63 - 1}, {-(2**63)}]") == [2**63 - 1, -(2**63)]
    assert parse_json(r'"\ud83d\ude00"') == "\U0001f600"


def test_bytes_that_are_no_text(tmp_path, refusal):
    assert "can't decode" in refusal(SettingsError, read_text, put(tmp_path, "a", b"\xff\xfe"), KIND)


# --- Archives


def archive(path, size, flags=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("data", bytes(size))
    if flags:
        content = bytearray(path.read_bytes())
        content[content.find(b"PK\x01\x02") + 8] |= flags
        path.write_bytes(content)
    return path


def test_an_archive_that_unpacks_to_too_much(tmp_path, refusal):
    check_archive(archive(tmp_path / "good.zip", 1000), KIND)
    path = archive(tmp_path / "bomb.zip", 1_000_000)
    assert path.stat().st_size < 2000
    error_line = refusal(SettingsError, check_archive, path, KIND)
    assert error_line == (
        f"tuning {path} unpacks to 1,000,000 bytes, more than the 1,000 that such a file may have: "
        "make it again"
    )


def test_an_encrypted_archive(tmp_path, refusal):
    path = archive(tmp_path / "secret.zip", 10, flags=1)
    assert "has an encrypted part, 'data'" in refusal(SettingsError, check_archive, path, KIND)


def test_an_archive_of_too_many_parts():
    parts = [zipfile.ZipInfo(str(number)) for number in range(100_001)]
    assert archive_problem(parts, 1000) == "is an archive of 100,001 parts, more than 100,000"


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"no archive"])
def test_what_is_no_archive_is_left_to_its_reader(tmp_path, content):
    check_archive(put(tmp_path, "a", content), KIND)
