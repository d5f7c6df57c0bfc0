"""micronet-edge: exports PyTorch MicroNets to fast ONNX and TFLite files that compute the same function."""

from importlib import import_module
from typing import TYPE_CHECKING

from micronet_edge.errors import MicronetEdgeError

if TYPE_CHECKING:
    from micronet_edge import kernels
    from micronet_edge.classification.classifier import Classifier
    from micronet_edge.classification.probabilities import Classification
    from micronet_edge.data.metadata import FileMetadata
    from micronet_edge.data.preprocessing import Preprocessing
    from micronet_edge.data.signature import Signature, TensorSpec
    from micronet_edge.deployment.deploy import deploy
    from micronet_edge.evaluation.evaluate import evaluate
    from micronet_edge.models.save_load import load, save
    from micronet_edge.pipeline.artifacts import Artifacts, Exported
    from micronet_edge.pipeline.count import count_source as count
    from micronet_edge.pipeline.prove_again import verify
    from micronet_edge.pipeline.run import export, quantize
    from micronet_edge.pipeline.sensitivity import analyze_file as sensitivity
    from micronet_edge.settings import EvaluateSettings, ExportSettings, QuantizeSettings, TrainSettings
    from micronet_edge.targets.readers import read_metadata
    from micronet_edge.training.run import train

__all__ = [
    "Artifacts",
    "Classification",
    "Classifier",
    "EvaluateSettings",
    "ExportSettings",
    "Exported",
    "FileMetadata",
    "MicronetEdgeError",
    "Preprocessing",
    "QuantizeSettings",
    "SensitivitySettings",
    "Signature",
    "TensorSpec",
    "TrainSettings",
    "count",
    "deploy",
    "evaluate",
    "export",
    "kernels",
    "load",
    "quantize",
    "read_metadata",
    "save",
    "sensitivity",
    "train",
    "verify",
]

_HOMES = {
    "Artifacts": "micronet_edge.pipeline.artifacts:Artifacts",
    "Classification": "micronet_edge.classification.probabilities:Classification",
    "Classifier": "micronet_edge.classification.classifier:Classifier",
    "EvaluateSettings": "micronet_edge.settings:EvaluateSettings",
    "ExportSettings": "micronet_edge.settings:ExportSettings",
    "Exported": "micronet_edge.pipeline.artifacts:Exported",
    "FileMetadata": "micronet_edge.data.metadata:FileMetadata",
    "Preprocessing": "micronet_edge.data.preprocessing:Preprocessing",
    "QuantizeSettings": "micronet_edge.settings:QuantizeSettings",
    "Signature": "micronet_edge.data.signature:Signature",
    "TensorSpec": "micronet_edge.data.signature:TensorSpec",
    "TrainSettings": "micronet_edge.settings:TrainSettings",
    "SensitivitySettings": "micronet_edge.settings:SensitivitySettings",
    "count": "micronet_edge.pipeline.count:count_source",
    "deploy": "micronet_edge.deployment.deploy:deploy",
    "evaluate": "micronet_edge.evaluation.evaluate:evaluate",
    "export": "micronet_edge.pipeline.run:export",
    "load": "micronet_edge.models.save_load:load",
    "quantize": "micronet_edge.pipeline.run:quantize",
    "read_metadata": "micronet_edge.targets.readers:read_metadata",
    "save": "micronet_edge.models.save_load:save",
    "sensitivity": "micronet_edge.pipeline.sensitivity:analyze_file",
    "train": "micronet_edge.training.run:train",
    "verify": "micronet_edge.pipeline.prove_again:verify",
}

_PACKAGES = {"kernels"}


def __getattr__(name: str) -> object:
    """Imports a public name on first use, so that `--help` does not wait for PyTorch."""
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own = _HOMES[name].partition(":")
    found: object = getattr(import_module(module), own)
    return found
