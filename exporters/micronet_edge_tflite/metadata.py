"""Labels and preprocessing inside a TFLite file: associated files, appended the zip way.

A TFLite file is read from its start and a zip archive from its end, so one file can be both:
`unzip -p model.tflite labels.txt` prints the labels.
"""

import zipfile
from pathlib import Path

from micronet_edge.errors import ForeignFileError
from micronet_edge.metadata import DESCRIPTION_KEY, LABELS_KEY, FileMetadata

ASSOCIATED_FILES = {LABELS_KEY: "labels.txt", DESCRIPTION_KEY: "micronet_edge.json"}
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the same input gives the same bytes


def append_metadata(path: Path, metadata: FileMetadata) -> None:
    """Appends the texts to the file, which stays a valid model."""
    with zipfile.ZipFile(path, "a") as archive:
        for key, text in metadata.to_texts().items():
            archive.writestr(zipfile.ZipInfo(ASSOCIATED_FILES[key], _FIXED_TIME), text)


def read_metadata(path: Path) -> FileMetadata:
    """What the file says of itself.

    Raises ForeignFileError on a file that carries nothing of ours.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            texts = {
                key: archive.read(name).decode() for key, name in ASSOCIATED_FILES.items() if name in names
            }
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError) as error:
        raise ForeignFileError(str(path), str(error)) from error
    return FileMetadata.from_texts(texts, str(path))
