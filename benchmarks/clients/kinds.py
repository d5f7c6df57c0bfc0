"""Every kind of file that apps open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from micronet_edge.settings import ExportSettings

FLOAT32, INTEGERS = "float32", "int8"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to write a file: a format, and options of `micronet-edge export` that are not the default."""

    format: str
    options: Mapping[str, str | bool] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Format, precision and other options in words, which is also the name of a folder."""
        plain = {"portable", "fused"}
        others = [each for each in self.options if each != "precision"]
        parts = [each if each in plain else f"{each}-{self.options[each]}" for each in others]
        return "-".join([self.format, self.precision, *parts])

    @property
    def command(self) -> str:
        """The options as a user types them."""
        called = {"runtime": "for"}
        words = [f"--{called.get(each, each)} {value}" for each, value in self.options.items()]
        return " ".join(words).replace(" True", "")

    @property
    def precision(self) -> str:
        return str(self.options.get("precision", FLOAT32))

    @property
    def in_integers(self) -> bool:
        """Whether what is computed is rounded to integers, so that clients may differ by a step."""
        return self.precision.startswith(INTEGERS)

    def settings(self, output: Path, calibration: Path) -> ExportSettings:
        """The settings that write such a file into a folder."""
        given = {**self.options, "precision": self.precision}
        if self.in_integers:
            given["calibration"] = str(calibration)
        return ExportSettings(formats=(self.format,), output=output, overwrite=True, **given)  # type: ignore[arg-type]


KINDS = (
    Kind("onnx"),
    Kind("onnx", {"portable": True}),
    Kind("onnx", {"fused": True}),
    Kind("onnx", {"precision": "float16"}),
    Kind("onnx", {"io": "uint8"}),
    Kind("onnx", {"io": "uint8", "layout": "nhwc"}),
    Kind("onnx", {"layout": "nhwc"}),
    Kind("onnx", {"pixels": "unit"}),
    Kind("onnx", {"pixels": "raw"}),
    Kind("onnx", {"scores": "softmax"}),
    Kind("onnx", {"precision": "int8"}),
    Kind("onnx", {"precision": "int8", "portable": True}),
    Kind("onnx", {"precision": "int8", "io": "uint8"}),
    Kind("onnx", {"precision": "int8", "io": "uint8", "layout": "nhwc"}),
    Kind("onnx", {"precision": "int8-a16"}),
    Kind("tflite"),
    Kind("tflite", {"precision": "float16"}),
    Kind("tflite", {"io": "uint8"}),
    Kind("tflite", {"pixels": "unit"}),
    Kind("tflite", {"pixels": "raw"}),
    Kind("tflite", {"scores": "softmax"}),
    Kind("tflite", {"precision": "int8"}),
    Kind("tflite", {"precision": "int8", "io": "int8"}),
    Kind("tflite", {"precision": "int8", "io": "uint8"}),
    Kind("tflite", {"precision": "int8", "io": "uint8", "scores": "softmax"}),
    Kind("tflite", {"precision": "int8", "io": "int8", "runtime": "micro"}),
    Kind("tflite", {"precision": "int8-a16"}),
)
"""All that the product writes for apps in these formats. A naive file is for comparison."""

PROGRAM = Kind("pt2")
"""No file of the product: the lowered network as a program of torch.export."""
