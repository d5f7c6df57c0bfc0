"""What every test runs under: one thread, checked shapes, reproducible property tests."""

import torch
from hypothesis import settings
from jaxtyping import install_import_hook

# pytest-xdist runs a worker per core; more threads would only get in each other's way.
torch.set_num_threads(1)

# The shapes in signatures are checked in tests only, hence before the first import of the package.
# Not so for models.dynamic_shift_max: under the tracer of torch.onnx sizes are tensors, and comparing
# them is a warning. test_layers.py checks that layer's shapes by itself.
install_import_hook("micronet_edge.preprocessing", "beartype.beartype")

# Compiled kernels are slow once, so no deadline; the same examples on every machine.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")
