"""What a classifier must know of a file: what the file says, or for another tool's file, what an app says."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from micronet_edge.data.metadata import UNKNOWN, FileMetadata, check_classifier
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import ForeignFileError, SettingsError, TargetError
from micronet_edge.settings import Scores
from micronet_edge.targets.session_protocol import FileReader


@dataclass(frozen=True, slots=True)
class Description:
    """What an app says of a file; None is for the file to say."""

    labels: Sequence[str] | None = None
    preprocessing: Preprocessing | None = None
    scores: Scores | None = None

    def completed(self, path: Path, reader: FileReader) -> FileMetadata:
        """The metadata of a classifier's file.

        Raises TargetError or SettingsError on what is no classifier, on a file of another tool that is not
        fully described, and on a description that contradicts the file.
        """
        try:
            metadata = reader.read_metadata(path)
        except ForeignFileError as error:
            return self._alone(path, error)
        if self.preprocessing is not None or self.scores is not None:
            raise SettingsError(f"{path} states its own preprocessing and scores: leave them out")
        check_classifier(metadata, path, "classifying")
        if self.labels is None:
            return metadata
        return replace(metadata, labels=self._names(path, len(metadata.labels)))

    def _alone(self, path: Path, error: ForeignFileError) -> FileMetadata:
        if self.labels is None or self.preprocessing is None:
            given = {"labels": self.labels, "preprocessing": self.preprocessing}
            lacking = " and ".join(name for name, value in given.items() if value is None)
            raise TargetError(
                f"{path} does not state its {lacking}, since another tool wrote or changed it: give "
                "Classifier labels=[...] and preprocessing=Preprocessing(...)"
            ) from error
        labels, scores = self._names(path), self.scores or "logits"
        return FileMetadata(UNKNOWN, labels, self.preprocessing, None, precision=UNKNOWN, scores=scores)

    def _names(self, path: Path, classes: int | None = None) -> tuple[str, ...]:
        labels = self.labels or ()
        if isinstance(labels, str) or not labels or not all(isinstance(each, str) for each in labels):
            raise SettingsError(f"labels {self.labels!r}: give a sequence of names, one for each class")
        if classes not in {None, len(labels)}:
            raise SettingsError(f"{path} has {classes} classes, not {len(labels)}: give a label for each")
        return tuple(labels)
