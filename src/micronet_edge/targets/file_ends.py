"""What a file's own graph says of its ends, for apps whose runtime cannot be asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileEnds:
    """The shape of the first input, and the numbers of the first output.

    A score is (number - output_zero_point) * output_scale. `standard_metadata` says whether the file has the
    metadata of its format that other tools read.
    """

    input_shape: tuple[int, ...]
    output_type: str
    output_scale: float = 1.0
    output_zero_point: int = 0
    standard_metadata: bool = False
