"""The model card: a page in Markdown beside a file, for the person who puts the file into an app."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from micronet_edge.counting.count import Count
from micronet_edge.counting.digits import in_bytes, three_digits
from micronet_edge.data.assumptions import describe_assumptions
from micronet_edge.data.file_ends import colors_text, pixels_text, resize_text, scores_text, size_text
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import BGR, RGB
from micronet_edge.data.signature import TensorSpec
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.models import FAMILY
from micronet_edge.models.source import Source
from micronet_edge.reports.card_code import C, filling_code, python_code
from micronet_edge.util.safe_text import code, fenced, markdown
from micronet_edge.util.text import plural
from micronet_edge.util.user_files import manifest_path
from micronet_edge.verification.prove import FileToProve, Proof

_LABELS_SHOWN = 10
_FLOAT32 = "float32"
_ACCURACY = "- **Accuracy**: "
_CHANNELS = {RGB: "red, green and blue", BGR: "blue, green and red"}
_DEPLOY = (
    "`micronet-edge deploy` writes a whole app around the file, with this preprocessing to the last bit."
)
_AUTHORS = (
    "Not stated. The weights that MicroNet's authors released lie in a repository under the MIT licence "
    "(The Regents of the University of California, 2021), which says nothing else about weights or about the "
    "images that they were trained on."
)


@dataclass(frozen=True, slots=True)
class MeasuredAccuracy:
    """Top-1 in points on so many `kind` images of a folder or set of that name."""

    top1: float
    images: int
    name: str
    kind: str = "labelled"

    def __str__(self) -> str:
        return f"{self.top1:.2f} % top-1 on {plural(self.images, f'{self.kind} image')} of {code(self.name)}"


@dataclass(frozen=True, slots=True)
class Made:
    """How a file came about.

    Attributes:
        origin: the network it was made from.
        settings: those of its manifest.
        proof: None of a file that is not proven.
        accuracy: of this file, if this run measured it.
    """

    origin: Source
    settings: Mapping[str, object]
    proof: Proof | None
    accuracy: MeasuredAccuracy | None = None


def model_card(file: FileToProve, made: Made) -> str:
    """The text of the card.

    Given    the file, as it was written and proven, and how it came about
    Result   Markdown, in which names and labels stand as they are, whatever they hold
    """
    metadata = file.metadata
    sections = {
        "": _summary(file, made),
        "Classes": _classes(metadata) if metadata.is_classifier else "",
        "Preprocessing": _preprocessing(metadata) if metadata.takes_images else "",
        "In an app": _code(file),
        "Other readers": _listed(_optional(file, "readers")),
        "Proof": _proof(metadata, made.proof),
        "How it was made": _listed(_origin(file, made)),
        "Licence of the weights": _licence(metadata),
    }
    parts = [f"## {heading}\n\n{text}" if heading else text for heading, text in sections.items() if text]
    return f"# {markdown(file.path.name)}\n\n" + "\n".join(parts)


def _listed(lines: Sequence[str] | Iterator[str]) -> str:
    return "".join(f"- {line}\n" for line in lines)


def _optional(file: FileToProve, part: str) -> Sequence[str]:
    """What a target that has this part says of such a file."""
    told = getattr(file.target, part, None)
    return () if told is None else told(file.metadata)


def _summary(file: FileToProve, made: Made) -> str:
    metadata, name = file.metadata, shlex.quote(file.path.name)
    lines = [*_ends(file, made)]
    lines.append(f"**Size**: {in_bytes(file.path.stat().st_size)}.")
    if (count := _count(file)) is not None:
        lines.append(f"**Work**: {_work(count)}.")
    if metadata.is_classifier:
        lines.append(f"{_ACCURACY.removeprefix('- ')}{_accuracy(made, name)}.")
    lines.append(f"**Latency**: not measured here: {code(f'micronet-edge bench {name}')}.")
    warnings = "".join(f"{line}\n\n" for line in _warnings(metadata, made))
    return f"{_what(file)}\n\n{warnings}{_listed(lines)}"


def _what(file: FileToProve) -> str:
    metadata, target = file.metadata, file.target.name
    if metadata.is_classifier:
        kind = f"An image classifier of {plural(len(metadata.labels), 'class', 'classes')}"
    else:
        kind = "A network for images" if metadata.takes_images else "A network for arrays"
    called = f"MicroNet {metadata.variant}" if _is_micronet(metadata) else markdown(metadata.variant)
    return f"{kind}: {called} in {metadata.precision}, as a {markdown(target)} file."


def _is_micronet(metadata: FileMetadata) -> bool:
    return metadata.variant in FAMILY and metadata.signature is None


def _warnings(metadata: FileMetadata, made: Made) -> Iterator[str]:
    if metadata.checkpoint_sha256 is None:
        yield "**Its weights are random: it is for timing only.**"
    if metadata.naive:
        yield "**It is the network as trained, as the usual converters write it: for comparison only.**"
    if made.proof is None:
        yield "**It is not proven: nothing could run it where it was written.**"


def _ends(file: FileToProve, made: Made) -> Iterator[str]:
    """A line for each input and each output."""
    metadata, batch = file.metadata, made.settings.get("batch", 1)
    first = "n" if batch == "dynamic" else str(batch)
    inputs, outputs = metadata.interface.inputs, metadata.interface.outputs
    for spec in inputs:
        text = _image(metadata) if metadata.takes_images else "array"
        yield f"**Input** {code(spec.name)}: {metadata.io}, {_shape(spec, metadata, first)}. {text}"
    typed = getattr(file.target, "output_types", None)
    kinds = (_FLOAT32,) * len(outputs) if typed is None else typed(file.path)
    for spec, kind in zip(outputs, kinds, strict=True):
        text = f" {_sentence(scores_text(metadata))}" if metadata.is_classifier else ""
        yield f"**Output** {code(spec.name)}: {kind}, {_shape(spec, metadata, first)}.{text}"


def _shape(spec: TensorSpec, metadata: FileMetadata, first: str) -> str:
    last = metadata.layout == "NHWC" and spec.is_map
    shape = (*spec.shape[1:], spec.shape[0]) if last else spec.shape
    text = f"[{', '.join([first, *map(str, shape)])}]"
    return f"{text}, {'channels last' if last else 'channels first'}" if spec.is_map else text


def _image(metadata: FileMetadata) -> str:
    colors = colors_text(metadata.preprocessing)
    return _sentence(f"{colors} image of {size_text(metadata)}, {pixels_text(metadata)}")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _count(file: FileToProve) -> Count | None:
    with suppress(MicronetEdgeError):
        return file.target.count(file.path)
    return None


def _work(count: Count) -> str:
    madds, images = count.paper_madds or count.conv_linear_madds, max(count.images, 1)
    held = f"{three_digits(count.params)} parameters"
    return f"{three_digits(madds // images)} multiply-adds for an image, {held}"


def _accuracy(made: Made, name: str) -> str:
    if made.accuracy is None:
        return f"not measured here: {code(f'micronet-edge evaluate {name} --data DIR')}"
    return str(made.accuracy)


def with_accuracy(card: str, measured: MeasuredAccuracy) -> str:
    """The card of a file whose accuracy was measured after it was written."""
    return "".join(
        f"{_ACCURACY}{measured}.\n" if line.startswith(_ACCURACY) else line
        for line in card.splitlines(keepends=True)
    )


def _classes(metadata: FileMetadata) -> str:
    count, width = len(metadata.labels), len(str(min(len(metadata.labels), _LABELS_SHOWN) - 1))
    rows = [f"{number:{width}}  {label}" for number, label in enumerate(metadata.labels[:_LABELS_SHOWN])]
    if count > _LABELS_SHOWN:
        rows.append(f"... and {count - _LABELS_SHOWN:,} more")
    known = " Nobody stated them, so they are the classes' numbers." if metadata.labels_assumed else ""
    return f"The file holds the names of all {count:,} in the order of its output.{known}\n\n" + fenced(
        "\n".join(row.replace("\n", " ") for row in rows)
    )


def _preprocessing(metadata: FileMetadata) -> str:
    preprocessing = metadata.preprocessing
    grey = preprocessing.channels == 1
    decoded = f"Decode the image to {'grey' if grey else 'red, green and blue'} of 8 bits"
    steps = [f"{decoded}; ignore its EXIF orientation.", resize_text(preprocessing), *_numbers(metadata)]
    return "".join(f"{number}. {step}\n" for number, step in enumerate(steps, 1))


def _numbers(metadata: FileMetadata) -> Iterator[str]:
    """The steps from pixels to what the input holds."""
    preprocessing = metadata.preprocessing
    if preprocessing.color_order == BGR:
        yield "Put the channels into the order blue, green, red."
    if metadata.pixels == "raw":
        yield "Take 128 away from each pixel." if metadata.io == "int8" else "Take the pixels as they are."
    elif metadata.pixels == "unit":
        yield "Divide each pixel by 255."
    else:
        mean, std = (
            ", ".join(f"{each:g}" for each in row) for row in (preprocessing.mean, preprocessing.std)
        )
        of = f" of {_CHANNELS[preprocessing.color_order]}" if preprocessing.channels > 1 else ""
        yield f"Normalize: (pixel / 255 - mean) / deviation, with means {mean} and deviations {std}{of}."
        if metadata.io != _FLOAT32:
            yield "Quantize that with the scale and the zero point of the input tensor."


def _code(file: FileToProve) -> str:
    metadata = file.metadata
    if not metadata.takes_images:
        return ""
    own, filling = getattr(file.target, "card_code", None), filling_code(metadata)
    if own is not None:
        blocks = {**own(file.path.name, metadata), **{name: filling[name] for name in filling if name == C}}
    elif metadata.is_classifier:
        blocks = {"Python": ("python", python_code(file.path.name)), **filling}
    else:
        blocks = filling
    texts = [f"{language}:\n\n{fenced(text, fence)}" for language, (fence, text) in blocks.items()]
    return "\n".join([*texts, f"{_DEPLOY}\n"] if own is None and metadata.is_classifier else texts)


def _proof(metadata: FileMetadata, proof: Proof | None) -> str:
    if proof is None:
        return ""
    on = plural(proof.images, "image" if metadata.takes_images else "sample")
    lines = [f"Compared with the PyTorch network in the file's own runtime, on {on}:\n"]
    if proof.top1_agreement is not None:
        lines.append(f"- same class on {proof.top1_agreement:.1%}")
    for each in proof.outputs:
        figures = f"{each.relative_difference:.1e} of its largest value, cosine {each.cosine:.5f}"
        lines.append(f"- {code(each.name)}: largest difference {figures}")
    if not proof.outputs:
        lines.append(f"- largest difference {proof.relative_difference:.1e} of the largest output")
        lines.append(f"- cosine of the outputs {proof.cosine:.5f}")
    if proof.weakness is not None:
        lines.append(f"\nThe proof is weak: {markdown(proof.weakness)}.")
    return "\n".join(lines) + "\n"


def _origin(file: FileToProve, made: Made) -> Iterator[str]:
    metadata, origin, settings = file.metadata, made.origin, made.settings
    if metadata.checkpoint_sha256 is not None:
        weights = origin.called if origin.checkpoint is None else origin.checkpoint.name
        kept = f" ({metadata.weights} weights)" if metadata.weights else ""
        yield f"From {code(weights)}{kept}, SHA-256 {code(metadata.checkpoint_sha256)}."
    yield from _quantization(settings)
    for each in describe_assumptions(metadata):
        yield f"Assumed, since nobody stated it: {markdown(each)}."
    for note in origin.notes:
        yield _sentence(markdown(note))
    manifest = code(manifest_path(file.path).name)
    yield f"By {markdown(metadata.tool)}. {manifest} holds all settings and versions."


def _quantization(settings: Mapping[str, object]) -> Iterator[str]:
    calibration, finetuning = settings.get("calibration"), settings.get("finetuning")
    if isinstance(calibration, Mapping):
        images = Path(str(calibration["source"])).name
        yield f"Calibrated on {plural(int(str(calibration['used'])), 'sample')} of {code(images)}."
    if isinstance(finetuning, Mapping):
        yield f"Fine-tuned on {code(Path(str(finetuning['source'])).name)}."
    if "recipe" in settings:
        yield f"Quantized by the recipe {code(str(settings['recipe']))}."
    if isinstance(kept := settings.get("float_layers"), Sequence) and kept:
        yield f"In float32 stay {plural(len(kept), 'layer')} of it."


def _licence(metadata: FileMetadata) -> str:
    if metadata.checkpoint_sha256 is None:
        return "None: the weights are random.\n"
    return f"{_AUTHORS}\n" if _is_micronet(metadata) else "Not stated.\n"
