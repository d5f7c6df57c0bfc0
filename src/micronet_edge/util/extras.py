"""What to install where a package is missing: the runtime of a file, or an extra of this distribution."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of this distribution: its own packages, by their names in Python.

    `megabytes` is what it adds to the extra that it builds on or to the base, installed on Linux with PyTorch
    for CPUs.
    """

    packages: tuple[str, ...]
    brings: str
    megabytes: int


EXTRAS: Mapping[str, Extra] = {
    "export": Extra(("torch", "jaxtyping", "msgspec", "safetensors"), "checkpoints and C files", 870),
    "onnx": Extra(("onnx", "onnxruntime", "onnxsim"), "writes, proves and runs ONNX files", 155),
    "tflite": Extra(("ai_edge_litert",), "writes, proves and runs TFLite files", 60),
    "train": Extra(("kornia", "webdataset"), "`train`", 35),
    "npu": Extra(("ethosu",), "`estimate` for Ethos-U NPUs", 10),
    "examples": Extra(("skimage", "sklearn"), "the data of the examples", 240),
    "baseline": Extra(
        ("onnx2tf", "tensorflow", "tf_keras"), "`export --naive` to TFLite, the usual converter", 2100
    ),
}
"""Every extra for users, in the order in which they build on each other."""

EXPORT = "'micronet-edge[export]'"

PROVIDERS: Mapping[str, str] = {
    **{
        package: f"'micronet-edge[{name}]'"
        for name in ("export", "onnx", "tflite", "train", "baseline")
        for package in EXTRAS[name].packages
    },
    "flatbuffers": "'micronet-edge[tflite]'",
    # Runtimes, each of which is all that its files need.
    "onnxruntime": "onnxruntime",
    "ai_edge_litert": "ai-edge-litert",
}
"""What pip installs to provide a package, by the package's name in Python."""


def missing(error: ModuleNotFoundError) -> str | None:
    """What is missing and how to install it, in a line; None of a package that no part of this tool needs."""
    package = (error.name or "").partition(".")[0]
    provider = PROVIDERS.get(package)
    return None if provider is None else f"{package}, which is not installed: {advice(provider)}"


def advice(provider: str) -> str:
    """The command that installs it."""
    return f"pip install {provider}"
