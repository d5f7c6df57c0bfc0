"""The manifest, a JSON file beside every exported file: inputs, settings, versions, proof."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from micronet_edge.data.assumptions import describe_assumptions
from micronet_edge.data.metadata import DISTRIBUTION, FileMetadata, tool_version
from micronet_edge.lowering import Applied
from micronet_edge.models.random_weights import SEED
from micronet_edge.models.source import Source
from micronet_edge.util.user_files import file_sha256, manifest_path
from micronet_edge.verification.prove import FileToProve, Proof

__all__ = ["manifest_path", "package_versions", "write_manifest"]

_PACKAGES = ("torch", "onnx", "onnxruntime", "onnxsim", "onnx2tf", "tensorflow", "ai-edge-litert", "numpy")


def write_manifest(
    file: FileToProve,
    origin: Source,
    settings: Mapping[str, object],
    applied: Sequence[Applied],
    proof: Proof | None,
) -> None:
    """Writes the manifest of a file beside it: its inputs, its settings and its proof, if there is one."""
    path, metadata = file.path, file.metadata
    content = {
        "file": {"name": path.name, "size_bytes": path.stat().st_size, "sha256": file_sha256(path)},
        "variant": metadata.variant,
        "input": _input(origin, metadata),
        "settings": settings,
        "preprocessing": metadata.preprocessing.to_dict(),
        "labels": len(metadata.labels),
        **({} if metadata.signature is None else {"signature": metadata.signature.to_dict()}),
        "assumed": {"fields": list(metadata.assumed), "values": list(describe_assumptions(metadata))},
        "passes": [asdict(step) for step in applied],
        "proof": None if proof is None else proof.values(),
        "versions": {DISTRIBUTION: tool_version(), "python": python_version(), **package_versions()},
    }
    manifest_path(path).write_text(json.dumps(content, indent=2) + "\n")


def _input(origin: Source, metadata: FileMetadata) -> dict[str, object]:
    if origin.random:
        return {"weights": "random, for timing only", "seed": SEED}
    return {
        "weights": f"those of {origin.called}" if origin.checkpoint is None else origin.checkpoint.name,
        "sha256": metadata.checkpoint_sha256,
        "set": metadata.weights,
        "notes": list(origin.notes),
    }


def package_versions() -> dict[str, str]:
    """The installed versions of the packages on which files and figures depend."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
