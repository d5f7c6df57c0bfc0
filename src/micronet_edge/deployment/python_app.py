"""The app in Python: one script, which needs numpy, Pillow and the runtime."""

from collections.abc import Mapping

from micronet_edge.deployment.app import App
from micronet_edge.deployment.blocks import app_file, with_block

_RUNTIMES = {"onnx": "onnxruntime>=1.20", "tflite": "ai-edge-litert>=1.2"}
_CLASS = "class Model:"


class _Template:
    formats = ("onnx", "tflite")
    model_folder = ""

    def files(self, app: App) -> Mapping[str, bytes]:
        script = with_block(app_file("python", "classify.py"), "model", _facts(app))
        if app.format == "tflite":
            _, start, rest = app_file("python", "model_tflite.py").partition(_CLASS)
            script = with_block(script, "runtime", f"{start}{rest}\n\n")
        texts = {
            "classify.py": script,
            "labels.txt": "\n".join(app.metadata.labels) + "\n",
            "requirements.txt": f"numpy>=1.26\npillow>=11\n{_RUNTIMES[app.format]}\n",
            "README.md": app_file("python", "README.md").replace("MODEL", app.model_name),
        }
        return {name: text.encode() for name, text in texts.items()}


def _facts(app: App) -> str:
    metadata, preprocessing = app.metadata, app.metadata.preprocessing
    _, height, width = preprocessing.shape
    return f"""\
MODEL = "{app.model_name}"
HEIGHT, WIDTH = {height}, {width}  # of the image that the model takes
RESIZE = {preprocessing.resize}  # height of what it is cut out of; its short side if the cut is square
COLORS = "{preprocessing.color_order}"  # RGB, BGR or GRAY
BICUBIC = {preprocessing.interpolation == "bicubic"}  # else bilinear
MEAN, STD = {list(preprocessing.mean)}, {list(preprocessing.std)}  # of pixels of 0 to 1
PIXELS = "{metadata.pixels}"  # normalized by mean and deviation; or unit: 0 to 1; or raw: 0 to 255
TYPE = "{metadata.io}"  # of the input; raw pixels as int8 are less 128
CHANNELS_FIRST = {metadata.layout == "NCHW"}
SOFTMAX = {metadata.scores == "softmax"}  # whether the model gives probabilities, not logits
"""


TEMPLATE = _Template()
