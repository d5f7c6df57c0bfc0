"""Writes single TFLite operators by name, each with the options of its kind."""

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from micronet_edge_tflite.writer.model_writer import ModelWriter

MOST_CONCATENATED = 5
"""Tensors that XNNPACK concatenates in one operator. One with more is left to LiteRT and cuts the graph."""


class OperatorWriter(ModelWriter):
    """A model writer that knows operators by name. Tensors are indices."""

    def write(
        self, name: str, inputs: Sequence[int], result: int, options: type | None = None, **fields: object
    ) -> None:
        """Writes an operator of one result.

        Args:
            name: The operator's name in the schema, such as CONV_2D.
            inputs: The tensors that it reads.
            result: The tensor that it computes.
            options: The schema's class of its options, such as `Conv2DOptionsT`; None where it has none.
            fields: The fields of these options; those left out keep the schema's defaults.
        """
        code = getattr(schema.BuiltinOperator, name)
        if options is None:
            self.operator(code, inputs, [result], None, schema.BuiltinOptions.NONE)
            return
        made = options()
        for field, value in fields.items():
            setattr(made, field, value)
        kind = getattr(schema.BuiltinOptions, options.__name__.removesuffix("T"))
        self.operator(code, inputs, [result], made, kind)

    def reshape(self, x: int, shape: Sequence[int], result: int) -> None:
        """Writes a RESHAPE: the same numbers in the same order, in another shape."""
        inputs = [x, self.sizes(result, "shape", shape)]
        self.write("RESHAPE", inputs, result, schema.ReshapeOptionsT, newShape=list(shape))

    def sizes(self, result: int, role: str, sizes: Sequence[int] | Sequence[tuple[int, int]]) -> int:
        """A constant of lengths, positions or axes, named after the result of the operator that reads it."""
        return self.constant(f"{self.name_of(result)}/{role}", np.array(sizes, np.int32))
