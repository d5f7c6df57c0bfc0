"""What to install where a package is missing: the runtime of a file, or an extra of this distribution."""

from collections.abc import Mapping

EXPORT = "'micronet-edge[export]'"
_ONNX, _TFLITE, _TRAIN = ("'micronet-edge[onnx]'", "'micronet-edge[tflite]'", "'micronet-edge[train]'")
_BASELINE = "'micronet-edge[baseline]'"

PROVIDERS: Mapping[str, str] = {
    # Runtimes, each of which is all that its files need.
    "onnxruntime": "onnxruntime",
    "ai_edge_litert": "ai-edge-litert",
    **dict.fromkeys(("jaxtyping", "msgspec", "safetensors", "torch"), EXPORT),
    **dict.fromkeys(("onnx", "onnxsim"), _ONNX),
    "flatbuffers": _TFLITE,
    **dict.fromkeys(("onnx2tf", "tensorflow", "tf_keras"), _BASELINE),
    **dict.fromkeys(("kornia", "webdataset"), _TRAIN),
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
