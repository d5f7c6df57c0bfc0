"""What every ONNX file of ours has in common: its newest opset, the names of its inputs and outputs."""

from dataclasses import dataclass

from micronet_edge.data.signature import Signature

OPSET = 17
"""The newest opset that every ONNX Runtime since 1.12, and the converters to other formats, take.

Files whose operators are as old have an older one.
"""

FILE_VERSION_OF_FUNCTIONS = 8
"""The version of the format since which a file may have functions of its own."""


@dataclass(frozen=True, slots=True)
class TensorNames:
    """The names of a file's inputs and outputs, in order; by default those of an image classifier."""

    inputs: tuple[str, ...] = ("image",)
    outputs: tuple[str, ...] = ("logits",)

    @classmethod
    def of(cls, signature: Signature) -> "TensorNames":
        """The names that the signature says."""
        inputs, outputs = (
            tuple(spec.name for spec in specs) for specs in (signature.inputs, signature.outputs)
        )
        return cls(inputs, outputs)


CLASSIFIER = TensorNames()
