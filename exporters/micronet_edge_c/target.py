"""The C target, as `targets/protocol.py` describes one."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from torch import fx, nn

from micronet_edge.counting.count import Count, counted
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.lowering import Pass
from micronet_edge.lowering.cost_model.tuning import shipped_tables
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import INT8
from micronet_edge.targets.protocol import (
    FLOAT32,
    CostTable,
    ExportSpec,
    IntegerLowering,
    Session,
)
from micronet_edge_c.compiling import find_compiler, kernel_headers
from micronet_edge_c.pipelines import microcontroller

TABLE = "c"
COSTS = shipped_tables(__package__)[TABLE]


class CTarget:
    """C files for microcontrollers."""

    name = "c"
    suffix = ".c"
    plans_memory = True
    precisions = (FLOAT32, INT8)
    modules: ClassVar[tuple[str, ...]] = ()
    packs_arduino = True
    # `tune` measures on devices that run Python, which microcontrollers do not.
    cost_tables: ClassVar[Mapping[str, CostTable]] = {}

    def cannot_prove(self) -> str | None:
        try:
            find_compiler()
        except TargetError as error:
            return str(error)
        return None

    def check(self, spec: ExportSpec) -> None:
        if spec.batch != 1:
            raise TargetError("a C file runs one image at a time: leave --batch out")
        if not spec.metadata.is_classifier:
            raise TargetError(
                "a C file takes one image and gives one row of logits: leave --format c out for others"
            )
        if spec.naive:
            raise TargetError("no usual converter writes C: leave --naive out, or --format c")
        if (spec.ends.pixels, spec.ends.scores, spec.ends.layout) != ("normalized", "logits", None):
            raise TargetError(
                "a C file takes int8 or uint8 pixels, or normalized float32, and gives logits: leave "
                "--pixels, --scores and --layout out, or --format c"
            )
        if spec.ends.io != FLOAT32 and spec.precision != INT8:
            raise TargetError(
                f"--io {spec.ends.io} is for --precision int8, not {spec.precision}: leave it out"
            )
        section = spec.memory.weights_section
        if section is not None and re.fullmatch(r"[A-Za-z0-9_.$]{1,64}", section) is None:
            raise TargetError(
                f"--weights-section {section!r} is no name of a section: give one such as .rodata_ext"
            )

    def pipeline(self, spec: ExportSpec) -> tuple[Pass, ...]:
        return microcontroller(spec.tuning.costs(TABLE, COSTS))

    def integer_lowering(self) -> IntegerLowering:
        return IntegerLowering(TABLE, COSTS, microcontroller)

    def companions(self, name: str, spec: ExportSpec) -> tuple[str, ...]:
        from micronet_edge_c.c_files import arduino_name, header_name, self_test_name

        return header_name(name), self_test_name(name), *([arduino_name(name)] if spec.arduino else [])

    def support_files(self) -> Mapping[str, bytes]:
        return kernel_headers()

    def export(self, network: nn.Module, spec: ExportSpec, path: Path) -> None:
        from micronet_edge_c.c_files import write_float
        from micronet_edge_c.quantized_graph import float_graph

        assert isinstance(network, fx.GraphModule)  # check() has refused naive files
        write_float(float_graph(network, spec.metadata.preprocessing), spec, path, _photograph(spec))

    def quantized_graph(self, quantized: QuantizedNetwork) -> QuantizedNetwork:
        from micronet_edge_c.quantized_graph import quantized_graph

        return quantized_graph(quantized)

    def quantize(self, quantized: QuantizedNetwork, spec: ExportSpec, path: Path) -> None:
        from micronet_edge_c.c_files import write_quantized

        write_quantized(quantized, spec, path, _photograph(spec))

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        from micronet_edge_c.session import CSession

        del threads, kernels  # a C file runs on one thread, with kernels of its own
        return CSession(path)

    def for_kernels(self, path: Path) -> bytes:
        return path.read_bytes()  # a C file has its own

    def violations(self, session: Session, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        del session, operators, metadata
        return []  # its kernels are the only ones that there are

    def read_metadata(self, path: Path) -> FileMetadata:
        from micronet_edge_c.metadata import read_metadata

        return read_metadata(path)

    def output_types(self, path: Path) -> tuple[str, ...]:
        return (INT8 if self.read_metadata(path).precision == INT8 else FLOAT32,)

    def card_code(self, name: str, metadata: FileMetadata) -> Mapping[str, tuple[str, str]]:
        from micronet_edge_c.card import card_code

        return card_code(name, metadata)

    def count(self, path: Path) -> Count:
        from micronet_edge_c.metadata import read_description

        return counted(read_description(path).graph)


def _photograph(spec: ExportSpec) -> Images:
    """One photograph, preprocessed: [1, 3, size, size]."""
    return spec.metadata.preprocessing.batch(photographs()[:1])


TARGET = CTarget()
