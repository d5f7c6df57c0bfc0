"""The lowered network as a program of torch.export, for runtimes that open none of our files."""

from pathlib import Path

import torch

from micronet_edge.data.preprocessing import Images
from micronet_edge.lowering import lower
from micronet_edge.models.source import read_source
from micronet_edge.pipeline.job import export_spec
from micronet_edge.settings import ExportSettings
from micronet_edge.targets.registry import find_target
from micronet_edge.targets.session_protocol import Logits


def write_program(checkpoint: Path, path: Path) -> None:
    """Writes a checkpoint's network, lowered as for a float ONNX file."""
    settings = ExportSettings()
    source = read_source(str(checkpoint), None, settings)
    size = source.metadata.preprocessing.size
    lowered = lower(source.network, find_target("onnx").pipeline(export_spec(source, settings)), size)
    image = torch.zeros(1, *source.metadata.preprocessing.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.export.save(torch.export.export(lowered.network, (image,)), path)


def run_program(path: Path, images: Images) -> Logits:
    """What PyTorch makes of it."""
    program = torch.export.load(path).module()
    with torch.no_grad():
        return torch.cat([program(image[None]) for image in torch.from_numpy(images)]).numpy()
