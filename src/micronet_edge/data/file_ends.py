"""What a file takes and gives, in words: the same ones in every format and in the model card."""

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing

_COLORS = {"RGB": "RGB", "BGR": "BGR (blue first)", "GRAY": "grey"}
_NORMALIZED = "normalized"

_PIXELS = {
    ("float32", "normalized"): "pixels normalized by the mean and deviation of each channel",
    ("float32", "unit"): "pixels from 0 (black) to 1",
    ("float32", "raw"): "pixels from 0 (black) to 255",
    ("uint8", "raw"): "pixels from 0 (black) to 255",
    ("int8", "raw"): "pixels from 0 (black) to 255, less 128",
}


def image_text(metadata: FileMetadata) -> str:
    """The image that a file takes: size, colours and what its numbers are."""
    return f"{colors_text(metadata.preprocessing)} image of {size_text(metadata)}, {pixels_text(metadata)}"


def size_text(metadata: FileMetadata) -> str:
    """Width and height of the image."""
    _, height, width = metadata.preprocessing.shape
    return f"{width} x {height} pixels"


def colors_text(preprocessing: Preprocessing) -> str:
    """The order of the channels."""
    return _COLORS[preprocessing.color_order]


def pixels_text(metadata: FileMetadata) -> str:
    """The numbers that stand for pixels."""
    quantized = f"normalized pixels, quantized to {metadata.io} as the tensor says"
    return _PIXELS.get((metadata.io, metadata.pixels), quantized)


def resize_text(preprocessing: Preprocessing) -> str:
    """How an image gets its size, as an instruction."""
    height, resize = preprocessing.size, preprocessing.resize
    scale = f"Resize ({preprocessing.interpolation}, antialiased, proportions kept)"
    if preprocessing.width is None:
        resized = f"{scale} until the short side is {resize} px"
    else:
        width = resize * preprocessing.width // height
        resized = f"{scale} until it covers {width} x {resize} px"
    return f"{resized}, then crop {preprocessing.shape[2]} x {height} px from the centre."


def scores_text(metadata: FileMetadata) -> str:
    """What a classifier gives for each class."""
    if metadata.scores == "softmax":
        return "probability of each class"
    return "logit of each class; their softmax is the probabilities"
