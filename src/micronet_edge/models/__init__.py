"""The MicroNet family, its layers to build other networks from, and its checkpoints."""

from micronet_edge.models.backbone import FeatureInfo, MicroNetFeatures, micronet_features
from micronet_edge.models.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from micronet_edge.models.dynamic_shift_max import DynamicShiftMax
from micronet_edge.models.family import FAMILY, Block, Variant, find_variant
from micronet_edge.models.micro_factorized import (
    ChannelShuffle,
    FactorizedStem,
    GroupedPointwise,
    MicroFactorizedDepthwise,
    MicroFactorizedPointwise,
)
from micronet_edge.models.micronet import Features, MicroNet, check_class_count
from micronet_edge.util.limits import check_input_size

__all__ = [
    "FAMILY",
    "Block",
    "ChannelShuffle",
    "Checkpoint",
    "DynamicShiftMax",
    "FactorizedStem",
    "FeatureInfo",
    "Features",
    "GroupedPointwise",
    "MicroFactorizedDepthwise",
    "MicroFactorizedPointwise",
    "MicroNet",
    "MicroNetFeatures",
    "Variant",
    "check_class_count",
    "check_input_size",
    "find_variant",
    "load_checkpoint",
    "micronet_features",
    "save_checkpoint",
]
