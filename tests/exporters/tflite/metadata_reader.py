"""Reads TFLite's standard metadata back, by the schema's own names: a second look at the writer's numbers."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import number_types as numbers
from flatbuffers.table import Table

TABLES = {
    "ModelMetadata": {
        "name": (0, str),
        "description": (1, str),
        "version": (2, str),
        "subgraph_metadata": (3, ["SubGraphMetadata"]),
        "author": (4, str),
        "license": (5, str),
        "associated_files": (6, ["AssociatedFile"]),
        "min_parser_version": (7, str),
    },
    "SubGraphMetadata": {
        "input_tensor_metadata": (2, ["TensorMetadata"]),
        "output_tensor_metadata": (3, ["TensorMetadata"]),
    },
    "TensorMetadata": {
        "name": (0, str),
        "description": (1, str),
        "content": (3, "Content"),
        "process_units": (4, ["ProcessUnit"]),
        "stats": (5, "Stats"),
        "associated_files": (6, ["AssociatedFile"]),
    },
    "Content": {"content_properties_type": (0, numbers.Uint8Flags), "content_properties": (1, "Properties")},
    "Properties": {"color_space": (0, numbers.Int8Flags), "default_size": (1, "ImageSize")},
    "ImageSize": {"width": (0, numbers.Uint32Flags), "height": (1, numbers.Uint32Flags)},
    "ProcessUnit": {"options_type": (0, numbers.Uint8Flags), "options": (1, "NormalizationOptions")},
    "NormalizationOptions": {"mean": (0, float), "std": (1, float)},
    "Stats": {"max": (0, float), "min": (1, float)},
    "AssociatedFile": {"name": (0, str), "description": (1, str), "type": (2, numbers.Int8Flags)},
}


def standard_metadata_in(path):
    """The buffer of a file: one, and named as the standard wants it."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    (found,) = (each for each in model.metadata if each.name == b"TFLITE_METADATA")
    return bytes(model.buffers[found.buffer].data)


def read(content):
    """What the buffer says, as plain values; without fields that are left out."""
    assert flatbuffers.util.BufferHasIdentifier(content, 0, b"M001")
    return _table(
        Table(content, flatbuffers.encode.Get(numbers.UOffsetTFlags.packer_type, content, 0)), "ModelMetadata"
    )


def _table(table, name):
    found = {}
    for field, (number, kind) in TABLES[name].items():
        offset = table.Offset(4 + 2 * number)
        if offset:
            found[field] = _value(table, offset + table.Pos, kind)
    return found


def _value(table, place, kind):
    if kind is str:
        return table.String(place).decode()
    if isinstance(kind, list):
        start, count = table.Vector(place - table.Pos), table.VectorLen(place - table.Pos)
        places = [start + 4 * number for number in range(count)]
        return [_table(Table(table.Bytes, table.Indirect(each)), kind[0]) for each in places]
    if isinstance(kind, str):
        return _table(Table(table.Bytes, table.Indirect(place)), kind)
    if kind is float:
        return table.GetVectorAsNumpy(numbers.Float32Flags, place - table.Pos).astype(np.float64).tolist()
    return table.Get(kind, place)
