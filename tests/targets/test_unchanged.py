"""A file that is not what its manifest says is refused before it is run."""

import hashlib
import json

import pytest

from micronet_edge.errors import TargetError
from micronet_edge.targets.unchanged import check_unchanged
from micronet_edge.util.user_files import manifest_path


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"a network")
    content = {"file": {"name": "m.onnx", "sha256": hashlib.sha256(b"a network").hexdigest()}}
    manifest_path(path).write_text(json.dumps(content))
    return path


def test_what_was_written_is_sound_and_so_is_what_has_no_manifest(file):
    check_unchanged(file)
    manifest_path(file).unlink()
    file.write_bytes(b"another")
    check_unchanged(file)


def test_a_changed_file(file, refusal):
    file.write_bytes(b"a netwosk")
    error_line = refusal(TargetError, check_unchanged, file)
    assert error_line.startswith(f"{file} is not the file that was written")
    assert "m.onnx.manifest.json; export it again, or delete the manifest" in error_line


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"file": 3}', '{"file": {"sha256": 3}}', "[" * 200_000]
)
def test_a_damaged_manifest(file, refusal, content):
    manifest_path(file).write_text(content)
    error_line = refusal(TargetError, check_unchanged, file)
    assert error_line.startswith(f"manifest {manifest_path(file)} ")
    assert error_line.endswith("export the file again, or delete its manifest")


def test_a_name_that_leaves_no_room_for_a_manifests(tmp_path):
    path = tmp_path / ("m" * 250 + ".onnx")
    path.write_bytes(b"a network")
    check_unchanged(path)


def test_a_link_to_a_changed_file(file, tmp_path, refusal):
    file.write_bytes(b"a netwosk")
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.onnx"
    link.symlink_to(file)
    assert "is not the file that was written" in refusal(TargetError, check_unchanged, link)
