"""Classifies images with the model beside it.

    python classify.py IMAGE... [--top 5]

Needs numpy, Pillow and the runtime in requirements.txt; the model and labels.txt stand beside this script.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

# <model> What the model is and takes; the only part of this script that differs between models.
MODEL = "model.onnx"
HEIGHT, WIDTH = 224, 224  # of the image that the model takes
RESIZE = 256  # height of what it is cut out of; its short side if the cut is square
COLORS = "RGB"  # or BGR, or GRAY
BICUBIC = False  # else bilinear
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # of pixels of 0 to 1
PIXELS = "normalized"  # by mean and deviation; or unit: 0 to 1; or raw: 0 to 255
TYPE = "float32"  # of the input; raw pixels as int8 are less 128
CHANNELS_FIRST = True
SOFTMAX = False  # whether the model gives probabilities, not logits
# </model>

FOLDER = Path(__file__).resolve().parent
SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
MOST_LONG_PER_SHORT = 1000


def main() -> None:
    """Prints the best classes of each image: probability, number of the class, label."""
    parser = argparse.ArgumentParser(description="Classifies images.")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="classes to print (default: 5)")
    given = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # for terminals that lack a label's letters
    labels = (FOLDER / "labels.txt").read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    model = Model(FOLDER / MODEL)
    failed = False
    for path in given.images:
        try:
            image = prepared(read_image(path))
        except Exception as error:  # noqa: BLE001 - Pillow raises many kinds on damaged files
            print(f"error: {path} cannot be read: {error}", file=sys.stderr)
            failed = True
            continue
        probabilities = as_probabilities(model.run(image))
        print(path)
        for number in np.argsort(-probabilities, kind="stable")[: max(given.top, 1)]:
            print(f"  {probabilities[number]:.6f}  {number}  {labels[number]}")
    sys.stdout.flush()
    sys.exit(1 if failed else 0)


# --- From an image to what the model takes


def read_image(path: str) -> Image.Image:
    """The image with its pixels as stored; an EXIF orientation is ignored, as it was in training."""
    warnings.simplefilter("ignore")  # images that Pillow only warns about have valid pixels
    with Image.open(path) as image:
        if getattr(image, "n_frames", 1) > 1 and image.format not in {"MPO", "PSD"}:
            raise ValueError("it holds several frames")
        image.load()
    if max(image.size) > MOST_LONG_PER_SHORT * min(image.size):
        raise ValueError("it is too narrow")
    if image.mode == "F":
        raise ValueError("its pixels are floats: save it with 8 or 16 bits")
    if image.mode == "I" and not 0 <= image.getextrema()[0] <= image.getextrema()[1] < 1 << 16:
        raise ValueError("its pixels have more than 16 bits")
    return image


def prepared(image: Image.Image) -> np.ndarray:
    """The image as the model takes it: resized, cut out of the centre, as numbers [1, ...]."""
    plain = as_gray(image) if COLORS == "GRAY" else as_rgb(image)
    how = Image.Resampling.BICUBIC if BICUBIC else Image.Resampling.BILINEAR
    scaled = plain.resize(resized(image.size), how)
    left, top = round((scaled.width - WIDTH) / 2), round((scaled.height - HEIGHT) / 2)
    pixels = np.asarray(scaled.crop((left, top, left + WIDTH, top + HEIGHT))).reshape(HEIGHT, WIDTH, -1)
    numbers = as_numbers(pixels[..., ::-1] if COLORS == "BGR" else pixels)
    return np.ascontiguousarray(numbers.transpose(2, 0, 1) if CHANNELS_FIRST else numbers)[None]


def resized(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the smallest image that covers RESIZE and the proportions of the cut."""
    width, height = size
    long, short = RESIZE * WIDTH, HEIGHT
    if height * long < width * short * RESIZE:
        return RESIZE * width // height, RESIZE
    return long // short, long * height // (short * width)


def as_numbers(pixels: np.ndarray) -> np.ndarray:
    """Pixels of 0 to 255 as the numbers that the model takes."""
    if PIXELS == "raw":
        return (pixels.astype(np.int16) - (128 if TYPE == "int8" else 0)).astype(TYPE)
    unit = pixels.astype(np.float32) / 255.0
    return unit if PIXELS == "unit" else ((unit - np.array(MEAN)) / np.array(STD)).astype(np.float32)


def as_rgb(image: Image.Image) -> Image.Image:
    """Any image with 8 bits of red, green and blue; 16 bits are scaled, transparency is dropped."""
    if image.mode in SIXTEEN_BITS:
        return eight_bits(image).convert("RGB")
    return (image.convert("RGBA") if image.mode == "P" else image).convert("RGB")


def as_gray(image: Image.Image) -> Image.Image:
    """Any image with 8 bits of grey."""
    if image.mode in SIXTEEN_BITS:
        return eight_bits(image)
    return image if image.mode == "L" else as_rgb(image).convert("L")


def eight_bits(image: Image.Image) -> Image.Image:
    """An image of 16 bits a pixel with 8."""
    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))


# --- The model


def as_probabilities(scores: np.ndarray) -> np.ndarray:
    """What the model gives, as numbers whose sum is 1."""
    if SOFTMAX:
        return scores
    powers = np.exp(scores.astype(np.float64) - scores.max())
    return powers / powers.sum()


# <runtime>
class Model:
    """The model, in ONNX Runtime."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def run(self, image: np.ndarray) -> np.ndarray:
        """The scores [classes] of one image."""
        return self.session.run(None, {self.input: image})[0][0]


# </runtime>


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # whoever reads the output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python flushes at its end
        sys.exit(141)
