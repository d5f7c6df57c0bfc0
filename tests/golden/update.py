"""The operators of every variant's files, and the script that writes them down: `make golden`."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from micronet_edge import ExportSettings, export
from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import integer, lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.models import FAMILY, MicroNet
from micronet_edge.quantization.quantize_network import calibrated_recipe, quantized_by
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target, for_runtime, integer_lowering_of, target_of

HERE = Path(__file__).parent
DIGITS = HERE.parents[1] / "examples" / "digits" / "m0-digits.safetensors"
FORMS = ("onnxruntime", "portable")
TARGETS = ("onnx", "tflite")
SIZE, CLASSES = 96, 10
MICRO_VARIANT = "m1"


def write_onnx(variant: str, form: str, path: Path) -> None:
    """The variant as a float ONNX file for 96 px and ten classes."""
    spec = golden_spec(variant, portable=form == "portable")
    target = find_target("onnx")
    network = lower(golden_network(variant), target.pipeline(spec), SIZE).network
    target.export(network, spec, path)


def write_int8(variant: str, target: str, path: Path) -> None:
    """The variant as a target's int8 file. Its ranges are those of noise, which no operator depends on."""
    spec = golden_spec(variant, precision="int8")
    network = lower(golden_network(variant), integer(INTEGER_COSTS), SIZE).network
    images = np.random.default_rng(0).standard_normal((8, 3, SIZE, SIZE), np.float32)
    calibration = CalibrationImages(images, "noise", "", 0)
    recipe = calibrated_recipe(network, calibration, spec.metadata, "int8", INTEGER_COSTS)
    found = find_target(target)
    found.quantize(found.quantized_graph(quantized_by(recipe, network, spec.metadata, target)), spec, path)


def write_micro(variant: str, path: Path) -> None:
    """The variant as a TFLite file for TensorFlow Lite Micro, with the ranges of noise as well."""
    spec = golden_spec(variant, precision="int8")
    spec = replace(spec, runtime="micro", metadata=replace(spec.metadata, runtime="micro"))
    target = for_runtime(find_target("tflite"), "micro")
    lowering = integer_lowering_of([target])
    network = lower(golden_network(variant), lowering.pipeline(lowering.costs), SIZE).network
    images = np.random.default_rng(0).standard_normal((8, 3, SIZE, SIZE), np.float32)
    calibration = CalibrationImages(images, "noise", "", 0)
    recipe = calibrated_recipe(network, calibration, spec.metadata, "int8", lowering.costs)
    quantized = target.quantized_graph(quantized_by(recipe, network, spec.metadata, "tflite"))
    target.quantize(quantized, spec, path)


def golden_spec(variant: str, *, portable: bool = False, precision: str = "float32") -> ExportSpec:
    labels = tuple(str(number) for number in range(CLASSES))
    metadata = FileMetadata(variant, labels, Preprocessing.imagenet(SIZE), None, precision)
    return ExportSpec(SIZE, batch=1, naive=False, portable=portable, metadata=metadata, precision=precision)


def golden_network(variant: str) -> MicroNet:
    torch.manual_seed(0)  # what int8 keeps in float depends on the weights
    return _lively(MicroNet(variant, CLASSES)).eval()


def _lively(network: MicroNet) -> MicroNet:
    """The network with norms that move their mean, as trained ones do; others need no border."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.bias.normal_(std=0.1)
    return network


def operators(path: Path) -> dict[str, int]:
    """How often each operator stands in the file."""
    return dict(sorted(target_of(path).open(path, kernels="off").operators().items()))


def expected(target: str) -> dict[str, dict[str, dict[str, int]]]:
    """For every variant and form of a target, its operators as they were written down."""
    content: dict[str, dict[str, dict[str, int]]] = json.loads((HERE / f"{target}.json").read_text())
    return content


def main() -> None:
    """Rewrites the golden files; look at the difference before committing it."""
    with tempfile.TemporaryDirectory() as folder:
        content: dict[str, dict[str, dict[str, dict[str, int]]]] = {
            target: {variant: {} for variant in FAMILY} for target in TARGETS
        }
        for variant in FAMILY:
            for form in FORMS:
                path = Path(folder, f"{variant}-{form}.onnx")
                write_onnx(variant, form, path)
                content["onnx"][variant][form] = operators(path)
            for target in TARGETS:
                path = Path(folder, f"{variant}-int8.{target}")
                write_int8(variant, target, path)
                content[target][variant]["int8"] = operators(path)
        path = Path(folder, "micro.tflite")
        write_micro(MICRO_VARIANT, path)
        content["tflite"][MICRO_VARIANT]["micro"] = operators(path)
        (tflite,) = export(DIGITS, settings=ExportSettings(formats=("tflite",), output=Path(folder)))
        content["tflite"]["m0"]["xnnpack"] = dict(tflite.proof.operators)
    for name, each in content.items():
        (HERE / f"{name}.json").write_text(json.dumps(each, indent=2) + "\n")


if __name__ == "__main__":
    main()
