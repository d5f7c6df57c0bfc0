"""TorchScript files, as the seam wants them."""

import json

import torch

from micronet_edge.counting.count import counted
from micronet_edge.counting.graph import Graph, Operator, Tensor
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import TargetError
from micronet_edge.lowering import common
from micronet_edge.lowering.cost_model.tuning import shipped_tables
from micronet_edge.targets.batches import in_batches
from micronet_edge.targets.common import as_written
from micronet_edge.targets.protocol import CostTable
from torchscript_target.quantized import Quantized

COSTS = shipped_tables(__package__)["torchscript"]


class Session:
    """A file, open in PyTorch."""

    fused = 0

    def __init__(self, path):
        self._network = torch.jit.load(path)
        self._batch, *_ = shape_of(path)

    def run(self, images):
        return in_batches(images, self._batch, lambda part: self._infer(torch.from_numpy(part)))

    def prepared(self, images):
        given = torch.from_numpy(images)
        return lambda: self._infer(given)

    def _infer(self, given):
        with torch.no_grad():
            return self._network(given).numpy()

    def input_array(self, images):
        return images

    def operators(self):
        return {"MODULE": 1}


class TorchScriptTarget:
    name = "torchscript"
    suffix = ".torchscript"
    precisions = ("float32", "int8")
    modules = ("torch",)
    cost_tables = {"torchscript": CostTable(COSTS)}

    def check(self, spec):
        if spec.batch is None:
            raise TargetError("a TorchScript file has a fixed batch: give --batch N")

    def pipeline(self, spec):
        return common(spec.tuning.costs("torchscript", COSTS))

    def export(self, network, spec, path):
        image = torch.zeros(spec.batch, 3, spec.input_size, spec.input_size)
        texts = {**as_written(spec, "NCHW").to_texts(), "shape": list(image.shape)}
        with torch.no_grad():
            traced = torch.jit.trace(network, image, check_trace=False)
        torch.jit.save(traced, path, _extra_files={"metadata": json.dumps(texts)})

    def quantized_graph(self, quantized):
        return quantized

    def quantize(self, quantized, spec, path):
        self.export(Quantized(quantized), spec, path)

    def open(self, path, threads=1, kernels="auto"):
        return Session(path)

    def for_kernels(self, path):
        return path.read_bytes()

    def violations(self, session, operators, metadata):
        return []

    def read_metadata(self, path):
        texts = texts_of(path)
        del texts["shape"]
        return FileMetadata.from_texts(texts, str(path))

    def count(self, path):
        image = Tensor("image", tuple(shape_of(path)), 0)
        module = Operator("module", "module", "MODULE", (image,), (), None)  # nobody looks inside
        return counted(Graph((module,), (image,), ()))


def texts_of(path):
    found = {"metadata": ""}
    torch.jit.load(path, _extra_files=found)
    return json.loads(found["metadata"])


def shape_of(path):
    return texts_of(path)["shape"]


TARGET = TorchScriptTarget()
