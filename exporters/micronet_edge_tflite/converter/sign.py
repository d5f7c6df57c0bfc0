"""Gives a converted file unique tensor names, a signature and metadata, as our own writer does."""

from collections import Counter
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from micronet_edge.data.metadata import FileMetadata
from micronet_edge_tflite.standard_metadata import STANDARD_METADATA, standard_metadata
from micronet_edge_tflite.writer.model_writer import FILE_IDENTIFIER, IMAGE, LOGITS, attached, signature


def sign(path: Path, metadata: FileMetadata) -> None:
    """Writes the signature and the standard metadata into the file.

    The signature has the input `image` and the output `logits`, or several `output0` and so on.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    graph = model.subgraphs[0]
    _make_names_unique(graph)
    names = [LOGITS] if len(graph.outputs) == 1 else [f"output{place}" for place in range(len(graph.outputs))]
    outputs = dict(zip(names, map(int, graph.outputs), strict=True))
    model.signatureDefs = [signature({IMAGE: int(graph.inputs[0])}, outputs)]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(standard_metadata(metadata), np.uint8)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), attached(STANDARD_METADATA, len(model.buffers) - 1)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    path.write_bytes(builder.Output())


def _make_names_unique(graph: schema.SubGraphT) -> None:
    seen: Counter[str] = Counter()
    for tensor in graph.tensors:
        name = tensor.name.decode()
        seen[name] += 1
        tensor.name = name if seen[name] == 1 else f"{name}#{seen[name]}"
