"""The ONNX target, as the seam wants it."""

import json
from importlib.resources import files
from pathlib import Path

from torch import nn

from micronet_edge.lowering import ONNXRUNTIME, PORTABLE, Rewrite
from micronet_edge.metadata import FileMetadata
from micronet_edge.targets import FLOAT32, ExportSpec, Session, as_written, forbidden_operators


class OnnxTarget:
    """ONNX files for ONNX Runtime, or with `portable` for any runtime that reads ONNX."""

    name = "onnx"
    suffix = ".onnx"
    precisions = (FLOAT32,)

    def check(self, spec: ExportSpec) -> None:
        """Every spec can be written."""

    def pipeline(self, spec: ExportSpec) -> tuple[Rewrite, ...]:
        return PORTABLE if spec.portable else ONNXRUNTIME

    def export(self, network: nn.Module, spec: ExportSpec, path: Path) -> None:
        import onnx

        from micronet_edge_onnx.convert import to_onnx
        from micronet_edge_onnx.metadata import write_metadata

        model = to_onnx(network, spec.input_size, spec.batch)
        write_metadata(model, as_written(spec, layout="NCHW"))
        onnx.save(model, path)

    def open(self, path: Path, threads: int = 1) -> Session:
        from micronet_edge_onnx.session import OnnxSession

        return OnnxSession(path, threads)

    def breaches(self, path: Path, metadata: FileMetadata) -> list[str]:
        if metadata.naive:
            return []
        lists = json.loads(files(__package__).joinpath("operators.json").read_text())
        allowed = set(lists["portable"]) | (set() if metadata.portable else set(lists["onnxruntime"]))
        return forbidden_operators(self.open(path), allowed)

    def read_metadata(self, path: Path) -> FileMetadata:
        from micronet_edge_onnx.metadata import read_metadata

        return read_metadata(path)


TARGET = OnnxTarget()
