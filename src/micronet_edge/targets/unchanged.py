"""Is a file still what its manifest says was written? A flipped bit is told before anything is run on it."""

import os
from pathlib import Path

from micronet_edge.errors import TargetError
from micronet_edge.util.user_files import MANIFEST, file_sha256, manifest_path, read_json


def check_unchanged(path: Path) -> None:
    """Raises TargetError on a file that is not the one its manifest is about, and on a damaged manifest.

    A manifest lies beside the file, or beside the one that a link leads to. A file without is not checked:
    nothing says what it was.
    """
    for manifest in dict.fromkeys(manifest_path(each) for each in (path, Path(os.path.realpath(path)))):
        if os.path.lexists(manifest) and file_sha256(path) != _written_sha256(manifest):
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
