"""The description inside a C file: a comment at its end that this tool reads back."""

import re
from pathlib import Path

import msgspec

from micronet_edge.counting.graph import Graph
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import ForeignFileError, TargetError
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.util.user_files import NETWORK, read_bytes

_START, _END = "/* micronet-edge reads this back: do not edit.\n", "\n*/"
_FOUND = re.compile(re.escape(_START) + r"(.*?)" + re.escape(_END), re.DOTALL)

_EMPTY = Graph((), (), ())


class Description(msgspec.Struct, frozen=True):
    """What a C file says of itself.

    Attributes:
        name: the start of its functions' names.
        image_type: the C type of the image's elements.
        image: the quantization parameters of the image; None in float32.
        scores: those of the scores.
        texts: of its metadata.
        arena_bytes: of the arena that its function takes.
        graph: what it computes.
    """

    name: str
    image_type: str
    image: QuantParams | None
    scores: QuantParams | None
    texts: dict[str, str]
    arena_bytes: int = 0
    graph: Graph = _EMPTY


def description_comment(description: Description) -> str:
    """The comment that describes a file."""
    text = msgspec.json.encode(description, order="deterministic").decode()
    # No sign that could end the comment, start another or make a trigraph; JSON reads them back.
    for sign in "*/?":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f"{_START}{text}{_END}"


def read_description(path: Path) -> Description:
    """What the file says of itself.

    Raises:
        ForeignFileError: if the file has no description of ours.
        TargetError: if it is damaged.
    """
    found = _FOUND.search(read_bytes(path, NETWORK).decode(errors="replace"))
    if found is None:
        raise ForeignFileError(str(path))
    try:
        description = msgspec.json.decode(found[1], type=Description)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise TargetError(f"{path}: its description cannot be read ({error}): export it again") from error
    ends = description.graph.inputs, description.graph.outputs
    if description.arena_bytes <= 0 or any(len(each) != 1 or each[0].shape is None for each in ends):
        raise TargetError(f"{path}: its description lacks its arena or its graph: export it again")
    return description


def read_metadata(path: Path) -> FileMetadata:
    """The metadata of the file's network. Raises as `read_description`."""
    return FileMetadata.from_texts(read_description(path).texts, str(path))
