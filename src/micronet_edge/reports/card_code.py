"""Code for the model card: how an app fills the input tensor, in the languages that apps are written in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps

from micronet_edge.data.metadata import FileMetadata

C = "C and C++, to fill the input"
_AFFINE = "affine"
"""How pixels become numbers. Where they are taken as they are, the way is called after the input's type."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        fence: Markdown's name of it.
        template: of the code, with a place for each thing that differs between files.
        constants: of the line with the factors and offsets.
        suffix: of a number of 32 bits.
        pixels: channel c of pixel i, by colour order.
        values: what `pixel` becomes, by the way.
    """

    fence: str
    template: str
    constants: str
    suffix: str
    pixels: Mapping[str, str]
    values: Mapping[str, str]


_PYTHON = """\
import micronet_edge

classifier = micronet_edge.Classifier({name})
for found in classifier.classify("photo.jpg", top=5):
    print(found.label, found.score)"""

# Grey is computed as Pillow does, which made the images that the file was proven on.
_LANGUAGES = {
    C: Language(
        fence="cpp",
        template="""\
// pixels: the cropped image, {width} x {height}, {memory}, 8 bits each, row by row
{constants}for (int i = 0; i < {width} * {height}; ++i)
  for (int c = 0; c < {channels}; ++c) {{
    const int pixel = {pixel};
    input[{place}] = {value};
  }}""",
        constants="const float factor[] = {{{factors}}};\nconst float offset[] = {{{offsets}}};\n",
        suffix="f",
        pixels={"RGB": "pixels[i * 3 + c]", "BGR": "pixels[i * 3 + 2 - c]", "GRAY": "pixels[i]"},
        values={
            _AFFINE: "pixel * factor[c] + offset[c]",
            "float32": "pixel",
            "uint8": "pixel",
            "int8": "pixel - 128",
        },
    ),
    "Kotlin": Language(
        fence="kotlin",
        template="""\
// bitmap: the cropped image, {width} x {height}
val pixels = IntArray({width} * {height})
bitmap.getPixels(pixels, 0, {width}, 0, 0, {width}, {height})
{constants}for (i in pixels.indices) for (c in 0 until {channels}) {{
    val pixel = {pixel}
    input[{place}] = {value}
}}""",
        constants="val factor = floatArrayOf({factors})\nval offset = floatArrayOf({offsets})\n",
        suffix="f",
        pixels={
            "RGB": "pixels[i] shr (16 - 8 * c) and 0xff",
            "BGR": "pixels[i] shr (8 * c) and 0xff",
            "GRAY": "((pixels[i] shr 16 and 0xff) * 19595 + (pixels[i] shr 8 and 0xff) * 38470 +\n"
            "        (pixels[i] and 0xff) * 7471 + 32768) shr 16",
        },
        values={
            _AFFINE: "pixel * factor[c] + offset[c]",
            "float32": "pixel.toFloat()",
            "uint8": "pixel.toByte()",
            "int8": "(pixel - 128).toByte()",
        },
    ),
    "JavaScript": Language(
        fence="js",
        template="""\
// rgba: the cropped image, context.getImageData(0, 0, {width}, {height}).data
{constants}for (let i = 0; i < {width} * {height}; i++)
  for (let c = 0; c < {channels}; c++) {{
    const pixel = {pixel};
    input[{place}] = {value};
  }}""",
        constants="const factor = [{factors}];\nconst offset = [{offsets}];\n",
        suffix="",
        pixels={
            "RGB": "rgba[4 * i + c]",
            "BGR": "rgba[4 * i + 2 - c]",
            "GRAY": "(rgba[4 * i] * 19595 + rgba[4 * i + 1] * 38470 + rgba[4 * i + 2] * 7471 + 32768) >> 16",
        },
        values={
            _AFFINE: "pixel * factor[c] + offset[c]",
            "float32": "pixel",
            "uint8": "pixel",
            "int8": "pixel - 128",
        },
    ),
}


def python_code(name: str) -> str:
    """Five lines that classify a photograph with the file of this name."""
    return _PYTHON.format(name=dumps(name))


def filling_code(metadata: FileMetadata) -> dict[str, tuple[str, str]]:
    """How the input is filled with the pixels of the cropped image.

    Given    the metadata of a file that takes an image
    Result   for each language Markdown's name of it, and the code. Nothing if the input is normalized and
             quantized: its scale is the tensor's.
    """
    if metadata.io != "float32" and metadata.pixels == "normalized":
        return {}
    return {name: (language.fence, _code(language, metadata)) for name, language in _LANGUAGES.items()}


def _code(language: Language, metadata: FileMetadata) -> str:
    channels, height, width = metadata.preprocessing.shape
    order = metadata.preprocessing.color_order
    way = metadata.io if metadata.pixels == "raw" else _AFFINE
    factors, offsets = (_listed(each, language.suffix) for each in metadata.affine)
    return language.template.format(
        width=width,
        height=height,
        channels=channels,
        memory="grey" if channels == 1 else "red, green and blue",
        constants=language.constants.format(factors=factors, offsets=offsets) if way == _AFFINE else "",
        pixel=language.pixels[order],
        place=f"i * {channels} + c" if metadata.layout == "NHWC" else f"c * {width * height} + i",
        value=language.values[way],
    )


def _listed(values: Sequence[float], suffix: str) -> str:
    return ", ".join(f"{_number(value)}{suffix}" for value in values)


def _number(value: float) -> str:
    """A number that every language reads as one with a point."""
    text = f"{value:.9g}"
    return text if "." in text or "e" in text else f"{text}.0"
