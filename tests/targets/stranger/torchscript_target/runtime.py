"""TorchScript files in PyTorch, as the bench's runner wants a runtime: it needs nothing of micronet-edge."""

import json

import numpy as np
import torch

NAME = "TorchScript"
SUFFIXES = (".torchscript",)


def version():
    return torch.__version__


def open(path, threads, kernels=None):
    torch.set_num_threads(threads)
    return Session(path)


class Session:
    input_dtype = np.dtype("float32")

    def __init__(self, path):
        found = {"metadata": ""}
        self._network = torch.jit.load(path, _extra_files=found).eval()
        self.input_shape = tuple(json.loads(found["metadata"])["shape"])

    def set_input(self, array):
        self._given = torch.from_numpy(array)

    def infer(self):
        with torch.no_grad():
            self._made = self._network(self._given)

    def outputs(self):
        return (self._made.numpy(),)

    def facts(self):
        return {"delegate": None, "nodes": 1, "delegated_nodes": 0, "partitions": 0, "fused": 0}
