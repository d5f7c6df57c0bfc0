"""The operators of every variant's files, and the script that writes them down: `make golden`."""

import json
import tempfile
from pathlib import Path

import torch

from micronet_edge import ExportSettings, export
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import lower
from micronet_edge.models import FAMILY, MicroNet
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target

HERE = Path(__file__).parent
DIGITS = HERE.parents[1] / "examples" / "digits" / "m0-digits.safetensors"
FORMS = ("onnxruntime", "portable")
SIZE, CLASSES = 96, 10


def write_onnx(variant: str, form: str, path: Path) -> None:
    """The variant as an ONNX file for 96 px and ten classes."""
    network = _lively(MicroNet(variant, CLASSES)).eval()
    labels = tuple(str(number) for number in range(CLASSES))
    metadata = FileMetadata(variant, labels, Preprocessing.imagenet(SIZE), None)
    spec = ExportSpec(SIZE, batch=1, naive=False, portable=form == "portable", metadata=metadata)
    target = find_target("onnx")
    target.export(lower(network, target.pipeline(spec), SIZE).network, spec, path)


def _lively(network: MicroNet) -> MicroNet:
    """The network with norms that move their mean, as trained ones do; others need no border."""
    torch.manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.bias.normal_(std=0.1)
    return network


def operators(path: Path) -> dict[str, int]:
    """How often each operator stands in the ONNX file."""
    return dict(sorted(find_target("onnx").open(path).operators().items()))


def expected(target: str) -> dict[str, dict[str, dict[str, int]]]:
    """For every variant and form of a target, its operators as they were written down."""
    content: dict[str, dict[str, dict[str, int]]] = json.loads((HERE / f"{target}.json").read_text())
    return content


def main() -> None:
    """Rewrites the golden files; look at the difference before committing it."""
    with tempfile.TemporaryDirectory() as folder:
        onnx: dict[str, dict[str, dict[str, int]]] = {}
        for variant in FAMILY:
            for form in FORMS:
                path = Path(folder, f"{variant}-{form}.onnx")
                write_onnx(variant, form, path)
                onnx.setdefault(variant, {})[form] = operators(path)
        (tflite,) = export(DIGITS, settings=ExportSettings(formats=("tflite",), output=Path(folder)))
    contents = {"onnx": onnx, "tflite": {"m0": {"xnnpack": tflite.proof.operators}}}
    for name, content in contents.items():
        (HERE / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
