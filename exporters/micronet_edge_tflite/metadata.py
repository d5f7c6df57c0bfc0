"""Labels and preprocessing inside a TFLite file: associated files, appended the zip way.

A TFLite file is read from its start and a zip archive from its end, so one file can be both:
`unzip -p model.tflite labels.txt` prints the labels.
"""

import zipfile
from pathlib import Path

from micronet_edge.data.metadata import DESCRIPTION_KEY, LABELS_KEY, FileMetadata
from micronet_edge.errors import ForeignFileError
from micronet_edge.util.user_files import MOST_TEXT_BYTES, archive_problem

ASSOCIATED_FILES = {LABELS_KEY: "labels.txt", DESCRIPTION_KEY: "micronet_edge.json"}
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the same input gives the same bytes


def append_metadata(path: Path, metadata: FileMetadata) -> None:
    """Appends the metadata to the file, which stays a valid model."""
    with zipfile.ZipFile(path, "a") as archive:
        for key, text in metadata.to_texts().items():
            archive.writestr(zipfile.ZipInfo(ASSOCIATED_FILES[key], _FIXED_TIME), text)


def read_metadata(path: Path) -> FileMetadata:
    """The metadata that `append_metadata` wrote.

    Raises:
        ForeignFileError: If the file has none of ours.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            texts = _texts(archive)
    except Exception as error:  # what zipfile raises on a damaged part depends on its compression
        raise ForeignFileError(str(path), str(error)) from error
    return FileMetadata.from_texts(texts, str(path))


def _texts(archive: zipfile.ZipFile) -> dict[str, str]:
    names = set(archive.namelist())
    found = {key: name for key, name in ASSOCIATED_FILES.items() if name in names}
    problem = archive_problem([archive.getinfo(name) for name in found.values()], MOST_TEXT_BYTES)
    if problem is not None:
        raise ValueError(f"it {problem}")
    return {key: archive.read(name).decode() for key, name in found.items()}
