"""The MicroNet network, in training form."""

import math
from collections import OrderedDict
from functools import cache

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import SettingsError
from micronet_edge.models.blocks import build_block
from micronet_edge.models.family import Block, Variant, find_variant
from micronet_edge.models.gradient_wanted import gradient_wanted
from micronet_edge.models.micro_factorized import FactorizedStem
from micronet_edge.models.recomputed_norms import recomputed_norms
from micronet_edge.util.limits import check_input_size

TOTAL_STRIDE = 32
INPUT_CHANNELS = 3

MOST_CLASSES = 100_000
"""Maximum number of classes: the last layer then takes 0.5 GB, and several times that during export."""


def check_class_count(classes: int) -> int:
    """The number of classes itself.

    Raises SettingsError unless it is at least 1, and at most MOST_CLASSES.
    """
    if classes < 1:
        raise SettingsError(f"a network needs at least one class, not {classes}: give 1 or more")
    if classes > MOST_CLASSES:
        raise SettingsError(
            f"{classes} classes: this tool takes at most {MOST_CLASSES:,}, since the last layer then takes "
            "half a GB, and several times that during export: give fewer"
        )
    return classes


def _check_image(_module: nn.Module, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
    # Tracing has no sizes to check: torch.onnx passes tensors as sizes, torch.fx unknowns.
    if torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return
    images = inputs[0] if inputs else named["x"]
    if isinstance(images, fx.Proxy):
        return
    match tuple(images.shape):
        case (_, int(channels), int(height), int(width)) if channels == INPUT_CHANNELS:
            check_input_size(min(height, width))
            check_input_size(max(height, width))
        case shape:
            raise SettingsError(
                f"a MicroNet takes images of three channels, [n, 3, height, width], not {list(shape)}"
            )


def _named_swish_linear(in_features: int, out_features: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            linear=nn.Linear(in_features, out_features),
            norm=nn.BatchNorm1d(out_features),
            activation=nn.Hardswish(),
        )
    )


class Features(nn.Sequential):
    """Stem and blocks: the backbone without its classifier.

    Given    x [n, in_channels, h, w]; `depth`, if not all layers are wanted: how many, with the stem
    Result   y [n, c, h / 32, w / 32], rounded up
    """

    def __init__(self, variant: Variant, in_channels: int = INPUT_CHANNELS, depth: int | None = None) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            stem=FactorizedStem(in_channels, variant.stem_groups)
        )
        channels = variant.stem_channels
        for number, block in enumerate(variant.blocks[: None if depth is None else depth - 1], start=1):
            layers[f"block{number}"] = build_block(channels, block, variant.initial_coefficients)
            channels = block_width(channels, block)
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(x)[-1]

    def outputs(self, x: Tensor) -> list[Tensor]:
        """The output of every layer, in order."""
        if not (self.training and gradient_wanted(x, next(self.parameters()))):
            return self._outputs(x)
        # The kernels of a CPU take twice as long in the other memory format.
        reordered = x.contiguous(memory_format=torch.channels_last) if x.device.type == "cpu" else x
        with recomputed_norms(x, reordered):
            return self._outputs(reordered)

    def _outputs(self, x: Tensor) -> list[Tensor]:
        found = []
        for layer in self:
            x = layer(x)
            found.append(x)
        return found


def block_width(in_channels: int, block: Block) -> int:
    """Output channels of a block."""
    return block.channels if block.project_groups else in_channels * block.pointwise_expansion


class MicroNet(nn.Module):
    """MicroNet of one variant, with weights initialized as the authors do.

    Given    x [n, 3, height, width], preprocessed as Preprocessing says
    Result   logits [n, num_classes]; they pass a hard swish, as in the released networks
    """

    def __init__(self, variant: Variant | str, num_classes: int = 1000) -> None:
        super().__init__()
        check_class_count(num_classes)
        self.variant = find_variant(variant) if isinstance(variant, str) else variant
        self.num_classes = num_classes
        self.features = Features(self.variant)
        channels = self.variant.stem_channels
        for block in self.variant.blocks:
            channels = block_width(channels, block)
        self.pool = nn.Sequential(
            OrderedDict(activation=nn.ReLU6(), mean=nn.AdaptiveAvgPool2d(1), swish=nn.Hardswish())
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                hidden=_named_swish_linear(channels, self.variant.head_channels),
                dropout=nn.Dropout(self.variant.dropout),
                logits=_named_swish_linear(self.variant.head_channels, num_classes),
            )
        )
        self.register_forward_pre_hook(_check_image, with_kwargs=True)
        self.apply(draw_weights)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(self.features(x)).flatten(1)
        logits: Tensor = self.classifier(pooled)
        return logits


def draw_weights(module: nn.Module) -> None:
    """Initializes a layer as the authors do."""
    if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.is_meta:
        return  # on the meta device PyTorch would import its compiler, which takes two seconds
    if isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
        nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


@cache
def tensor_shapes(variant: str) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in the variant's state dict, for 1000 classes."""
    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in MicroNet(variant).state_dict().items()}
