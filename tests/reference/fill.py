"""Deterministic weights for checking a MicroNet against the authors' implementation.

`fill(name, shape)` gives the same array for a parameter's or buffer's name on every machine, so no
weights need to be stored: fill the model under the authors' names, feed `image(seed, ...)`, and
compare with the logits in this folder.
"""

import zlib

import numpy as np


def fill(name: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """The value of the tensor `name` (the authors' state-dict key, without 'module.'), float32.

    Raises KeyError on a name whose kind it does not know. `num_batches_tracked` is 0 (int64).
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, dtype=np.int64)
    if name.endswith("running_var"):
        value = rng.uniform(2.0, 6.0, shape)
    elif name.endswith(("running_mean", "bias")):
        value = rng.normal(0.0, 0.2, shape)
    elif name.endswith("weight") and len(shape) == 1:  # batch norm's scale
        value = rng.uniform(0.7, 1.3, shape)
    elif name.endswith("weight"):
        value = rng.normal(0.0, (1.5 / int(np.prod(shape[1:]))) ** 0.5, shape)
    else:
        raise KeyError(name)
    return np.asarray(value, dtype=np.float32)


def image(seed: int, batch: int = 2, size: int = 224) -> np.ndarray:
    """A smooth random image batch, float32 [batch, 3, size, size], about zero mean and unit scale."""
    rng = np.random.default_rng([seed, batch, size])
    coarse = rng.normal(0.0, 1.0, (batch, 3, 8, 8))
    smooth = coarse.repeat(size // 8, axis=2).repeat(size // 8, axis=3)
    return (0.8 * smooth + 0.3 * rng.normal(0.0, 1.0, smooth.shape)).astype(np.float32)
