"""What was made from what, with which versions: a JSON file beside every exported file."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from micronet_edge.assumptions import assumptions_in_words
from micronet_edge.lowering import Applied
from micronet_edge.metadata import DISTRIBUTION, FileMetadata, tool_version
from micronet_edge.models.checkpoints import file_sha256
from micronet_edge.models.random_weights import SEED
from micronet_edge.user_files import manifest_path
from micronet_edge.verification import Proof

__all__ = ["manifest_path", "package_versions", "write_manifest"]

_PACKAGES = ("torch", "onnx", "onnxruntime", "onnxsim", "onnx2tf", "tensorflow", "ai-edge-litert", "numpy")


def write_manifest(
    file: Path,
    *,
    checkpoint: Path | None,
    metadata: FileMetadata,
    settings: dict[str, object],
    applied: tuple[Applied, ...],
    proof: Proof,
    notes: Sequence[str] = (),
) -> None:
    """Writes the manifest of `file` beside it; `notes` say how the checkpoint was read."""
    content = {
        "file": {"name": file.name, "size_bytes": file.stat().st_size, "sha256": file_sha256(file)},
        "variant": metadata.variant,
        "input": _input(checkpoint, metadata, notes),
        "settings": settings,
        "preprocessing": metadata.preprocessing.to_dict(),
        "labels": len(metadata.labels),
        "assumed": {"fields": list(metadata.assumed), "values": list(assumptions_in_words(metadata))},
        "rewrites": [asdict(step) for step in applied],
        "proof": asdict(proof),
        "versions": {DISTRIBUTION: tool_version(), "python": python_version(), **package_versions()},
    }
    manifest_path(file).write_text(json.dumps(content, indent=2) + "\n")


def _input(checkpoint: Path | None, metadata: FileMetadata, notes: Sequence[str]) -> dict[str, object]:
    if checkpoint is None:
        return {"weights": "random, for timing only", "seed": SEED}
    return {
        "weights": checkpoint.name,
        "sha256": metadata.checkpoint_sha256,
        "set": metadata.weights,
        "notes": list(notes),
    }


def package_versions() -> dict[str, str]:
    """Of the packages that a file or a figure depends on, those installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
