"""A file that is open, with what is known of it: from preprocessed images to probabilities."""

from dataclasses import dataclass
from pathlib import Path

from micronet_edge.classification.probabilities import Probabilities, check_found, probabilities
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import MicronetEdgeError, TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.targets.session_protocol import FileReader, Logits, Session
from micronet_edge.util.extras import missing


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A classifier's file in its runtime."""

    path: Path
    metadata: FileMetadata
    session: Session

    @classmethod
    def opened(
        cls, path: Path, metadata: FileMetadata, reader: FileReader, threads: int, kernels: Kernels
    ) -> "OpenFile":
        """Opens the file. Raises TargetError if that fails, or its runtime is not installed."""
        try:
            session = reader.open(path, threads, kernels)
        except ModuleNotFoundError as error:
            raise TargetError(f"{path} needs {missing(error) or error}") from error
        except ImportError as error:
            reason = f"its runtime cannot be loaded here ({error}): install it again"
            raise TargetError(f"{path}: {reason}") from error
        return cls(path, metadata, session)

    def probabilities(self, images: Images) -> Probabilities:
        """The probabilities [n, classes] of images [n, channels, height, width] that are preprocessed.

        Raises TargetError if the runtime fails, or the file gives something else than a finite number for
        each image and class.
        """
        found = self._run(images)
        check_found(found, self.path, len(images), len(self.metadata.labels))
        return probabilities(found, self.metadata.scores)

    def _run(self, images: Images) -> Logits:
        try:
            return self.session.run(images)
        except MicronetEdgeError:
            raise
        except Exception as error:  # a runtime's errors share no base but Exception
            reason = " ".join(str(error).split()) or type(error).__name__
            raise TargetError(f"{self.path}: its runtime failed ({reason}): export it again") from error
