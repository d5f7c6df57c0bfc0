"""Is a file still what its manifest says was written? A flipped bit is told before anything is run on it."""

import os
from pathlib import Path

from micronet_edge.errors import TargetError
from micronet_edge.models.checkpoints import file_sha256
from micronet_edge.user_files import MANIFEST, read_json

SUFFIX = ".manifest.json"


def manifest_path(path: Path) -> Path:
    """Where the manifest of a file lies."""
    return path.with_name(path.name + SUFFIX)


def check_unchanged(path: Path) -> None:
    """Raises TargetError on a file that is not the one its manifest is about, and on a damaged manifest.

    A file without a manifest beside it is not checked: nothing says what it was.
    """
    manifest = manifest_path(path)
    if not os.path.lexists(manifest):
        return
    if file_sha256(path) != _written_sha256(manifest):
        raise TargetError(
            f"{path} is not the file that was written: its SHA-256 is another than in {manifest.name}; "
            "export it again, or delete the manifest if you changed the file on purpose"
        )


def _written_sha256(manifest: Path) -> str:
    content = read_json(manifest, MANIFEST)
    file = content.get("file") if isinstance(content, dict) else None
    found = file.get("sha256") if isinstance(file, dict) else None
    if not isinstance(found, str):
        raise TargetError(f"manifest {manifest} names no SHA-256 of its file: {MANIFEST.remedy}")
    return found
