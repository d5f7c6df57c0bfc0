"""The networks of whose files the clients are tried, with images to run and to calibrate on."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network of the examples.

    Attributes:
        name: of the network, as on the page.
        example: the folder under examples/.
        calibration: the part of the example's images to calibrate on.
    """

    name: str
    example: str
    calibration: str

    @property
    def checkpoint(self) -> Path:
        return EXAMPLES / self.example / f"{self.name}.safetensors"

    @property
    def calibration_folder(self) -> Path:
        return EXAMPLES / self.example / "data" / self.calibration

    def write_images(self) -> None:
        """Writes the example's images, where they are missing."""
        subprocess.run(
            [sys.executable, EXAMPLES / self.example / "images.py"], check=True, capture_output=True
        )

    def test_images(self, count: int) -> list[Path]:
        """As many images of the test, spread over the classes."""
        paths = sorted((EXAMPLES / self.example / "data" / "test").glob("*/*.png"))
        return paths[:: len(paths) // count][:count]


NETWORKS = (Network("m0-digits", "digits", "train"), Network("m3-patches", "patches", "calibration"))
