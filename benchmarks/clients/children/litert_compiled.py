"""LiteRT's CompiledModel on the CPU, which replaces its interpreter."""

from collections.abc import Callable

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Opens a TFLite file."""
    model = CompiledModel.from_file(path)
    (key,) = model.get_signature_list()
    (scores,) = model.get_output_tensor_details(key).values()
    (given,), (taken,) = model.create_input_buffers(0), model.create_output_buffers(0)

    def run(image: np.ndarray) -> np.ndarray:
        given.write(image)
        model.run_by_index(0, [given], [taken])
        return taken.read(int(np.prod(scores["shape"])), scores["dtype"])

    return run
