"""What a user's network spells out becomes the operator that ONNX has for it; other things stay."""

import onnxruntime
import pytest
import torch
from lowering.networks import lively
from torch import nn
from torch.nn import functional

from micronet_edge.lowering import SHIPPED, lower  # noqa: F401
from micronet_edge_onnx.format import TensorNames
from micronet_edge_onnx.pipelines import onnxruntime as pipeline
from micronet_edge_onnx.write import float_model
