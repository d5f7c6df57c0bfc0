"""Maps the tensor names of the authors' checkpoints to ours."""

from micronet_edge.models.family import FAMILY, Block
from micronet_edge.models.micronet import tensor_shapes

# Index in the authors' sequential blocks of what our blocks hold by name.
_WIDE_POSITIONS = {"depthwise": 0, "depthwise_activation": 1, "project": 4, "project_activation": 5}
_DEEP_POSITIONS = {
    "expand": 0,
    "expand_activation": 1,
    "depthwise": 3,
    "depthwise_activation": 5,
    "project": 7,
    "project_activation": 8,
}
_AUTHORS_LAYERS = {
    "vertical": "conv.0",
    "vertical_norm": "conv.1",
    "horizontal": "conv.2",
    "horizontal_norm": "conv.3",
    "conv": "conv.0",
    "norm": "conv.1",
    "squeeze": "fc.0",
    "excite": "fc.2",
}
_AUTHORS_CLASSIFIER = {"hidden": "0", "logits": "2", "linear": "linear.0", "norm": "linear.1"}


def authors_names(variant: str) -> dict[str, str]:
    """Our name for each tensor name of the variant in the authors' naming."""
    return {_authors_name(name, FAMILY[variant].blocks): name for name in tensor_shapes(variant)}


def _authors_name(name: str, blocks: tuple[Block, ...]) -> str:
    match name.split("."):
        case ["features", "stem", layer, tensor]:
            return f"features.0.stem.0.{_AUTHORS_LAYERS[layer]}.{tensor}"
        case ["features", block, part, layer, tensor]:
            number = int(block.removeprefix("block"))
            wide = blocks[number - 1].pointwise_expansion == 1
            position = (_WIDE_POSITIONS if wide else _DEEP_POSITIONS)[part]
            return f"features.{number}.layers.{position}.{_AUTHORS_LAYERS[layer]}.{tensor}"
        case ["classifier", part, layer, tensor]:
            return f"classifier.{_AUTHORS_CLASSIFIER[part]}.{_AUTHORS_CLASSIFIER[layer]}.{tensor}"
        case _:
            raise AssertionError(name)
