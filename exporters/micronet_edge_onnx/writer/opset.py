"""The opset and the version of a file, as old as its operators allow."""

from collections.abc import Iterable

import onnx
from onnx import defs, helper

from micronet_edge_onnx.format import OPSET

_VERSIONED_BY = {"": OPSET, "com.microsoft": 1}
"""The newest version of each domain that our files use."""

_WITHOUT_INPUTS = 4
"""The first version of the format in which a constant need not be an input as well."""


def opsets_of(nodes: Iterable[onnx.NodeProto]) -> list[onnx.OperatorSetIdProto]:
    """The oldest opset in which each operator is the one that it is in OPSET, and those of other domains.

    A runtime takes the same kernels for both, and older runtimes and converters take the older one:
    MicroNets, with Add of 14 and no LayerNormalization of 17, run from ONNX Runtime 1.8 on.
    """
    kinds = {(node.domain, node.op_type) for node in nodes}
    own = [defs.get_schema(kind, OPSET, domain).since_version for domain, kind in kinds if not domain]
    others = sorted({domain for domain, _ in kinds} - {""})
    versions = {"": max(own, default=OPSET)} | {domain: _VERSIONED_BY[domain] for domain in others}
    return [helper.make_opsetid(domain, version) for domain, version in versions.items()]


def file_version(opsets: Iterable[onnx.OperatorSetIdProto]) -> int:
    """The oldest version of the format that files of these opsets may have, whose constants are no inputs."""
    version: int = helper.find_min_ir_version_for(list(opsets), ignore_unknown=True)
    return max(version, _WITHOUT_INPUTS)
