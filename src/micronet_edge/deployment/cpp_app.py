"""The app in C++: a CMake project around the runtime's C interface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from micronet_edge.deployment.app import App
from micronet_edge.deployment.blocks import app_file, with_block

_SOURCES = ("main.cpp", "image.h", "image.cpp", "stb.cpp", "preprocess.h", "preprocess.cpp", "model.h")
_NUMBERS = {"float32": "float", "uint8": "uint8_t", "int8": "int8_t"}
_PLAIN = set(map(chr, range(ord(" "), ord("~") + 1))) - set('"\\?')  # ? may begin a trigraph


@dataclass(frozen=True, slots=True)
class _Runtime:
    name: str
    library: str
    package: str
    pattern: str
    header: str


_RUNTIMES = {
    "onnx": _Runtime(
        "ONNX Runtime", "onnxruntime", "onnxruntime", "onnxruntime/capi/libonnxruntime.*", "onnxruntime_c.h"
    ),
    "tflite": _Runtime(
        "LiteRT 2.2 or later", "LiteRt", "ai-edge-litert", "ai_edge_litert/libLiteRt.*", "litert_c.h"
    ),
}


class _Template:
    formats = ("onnx", "tflite")
    model_folder = ""

    def files(self, app: App) -> Mapping[str, bytes]:
        runtime = _RUNTIMES[app.format]
        readme = app_file("cpp", "README.md").replace("MODEL", app.model_name)
        texts = {name: app_file("cpp", name) for name in (*_SOURCES, runtime.header)}
        texts |= {
            f"model_{runtime.library}.cpp": app_file("cpp", f"model_{runtime.library}.cpp"),
            "facts.h": with_block(app_file("cpp", "facts.h"), "model", _facts(app)),
            "CMakeLists.txt": with_block(app_file("cpp", "CMakeLists.txt"), "model", _settings(app, runtime)),
            "README.md": readme.replace("RUNTIME,", f"{runtime.name},").replace("PACKAGE", runtime.package),
        }
        return {name: text.encode() for name, text in texts.items()}


def _settings(app: App, runtime: _Runtime) -> str:
    return f"""\
set(MODEL {app.model_name})
set(RUNTIME {runtime.library})
set(PYTHON_PATTERN "{runtime.pattern}")  # the library in the runtime's Python package
"""


def _facts(app: App) -> str:
    metadata, preprocessing = app.metadata, app.metadata.preprocessing
    channels, height, width = preprocessing.shape
    labels = "".join(f"    {literal(label)}sv,\n" for label in metadata.labels)
    return f"""\
constexpr const char* kModel = "{app.model_name}";
constexpr int kHeight = {height}, kWidth = {width};  // of the image that the model takes
constexpr int kResize = {preprocessing.resize};  // height of what it is cut out of, or short side
constexpr int kChannels = {channels};  // 1: grey
constexpr bool kBgr = {_bool(preprocessing.color_order == "BGR")};
constexpr bool kBicubic = {_bool(preprocessing.interpolation == "bicubic")};  // else bilinear
constexpr double kMean[] = {_list(preprocessing.mean)}, kStd[] = {_list(preprocessing.std)};
using Number = {_NUMBERS[metadata.io]};  // the type of the input
constexpr Pixels kPixels = Pixels::k{metadata.pixels.capitalize()};
constexpr bool kChannelsFirst = {_bool(metadata.layout == "NCHW")};
constexpr bool kSoftmax = {_bool(metadata.scores == "softmax")};  // or: gives logits
constexpr std::string_view kLabels[] = {{
{labels}}};
"""


def literal(text: str) -> str:
    """The text's UTF-8 bytes as a string literal of C++, in ASCII, whatever it holds."""
    letters = (
        letter if letter in _PLAIN else "".join(f"\\{byte:03o}" for byte in letter.encode())
        for letter in text
    )
    return f'"{"".join(letters)}"'


def _bool(value: bool) -> str:  # noqa: FBT001 - as C++ spells it
    return "true" if value else "false"


def _list(numbers: Sequence[float]) -> str:
    return f"{{{', '.join(map(repr, numbers))}}}"


TEMPLATE = _Template()
