"""What readers of the standard metadata make of a file: MediaPipe Tasks, tried with version 1.2.3."""

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import RGB

_CLASSIFIER = "MediaPipe Tasks' image classifier"
_ODD_COLORS = {"BGR": "images with blue first", "GRAY": "grey images"}


def notes(metadata: FileMetadata) -> tuple[str, ...]:
    """What to tell when the file is written: colours that no option changes."""
    order = metadata.preprocessing.color_order
    if order == RGB or not metadata.is_classifier:
        return ()
    taken = _ODD_COLORS[order]
    return (f"MediaPipe feeds RGB: its image classifier refuses the TFLite file, which takes {taken}",)


def readers(metadata: FileMetadata) -> tuple[str, ...]:
    """What to know about other readers, in Markdown."""
    if not metadata.is_classifier:
        return ()
    if (reason := _refusal(metadata)) is not None:
        return (f"{_CLASSIFIER} refuses the file: {reason}.",)
    _, height, width = metadata.preprocessing.shape
    text = (
        f"{_CLASSIFIER} opens the file. It stretches a whole image to {width} x {height}: give it the "
        "cropped image for the same scores."
    )
    if metadata.scores == "logits":
        text += " Its scores are logits; `--scores softmax` gives probabilities."
    return (text,)


def _refusal(metadata: FileMetadata) -> str | None:
    """Why MediaPipe's classifier does not take the file."""
    order, (factors, offsets) = metadata.preprocessing.color_order, metadata.affine
    if order != RGB:
        return f"it feeds RGB, and the file takes {_ODD_COLORS[order]}"
    if metadata.io == "int8":
        return "it takes uint8 or float32 (`--io uint8`)"
    if metadata.io == "float32" and len(set(zip(factors, offsets, strict=True))) > 1:
        return "it takes one mean and deviation for all channels (`--pixels unit` or `--io uint8`)"
    return None
