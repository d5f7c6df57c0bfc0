"""What was made from what, with which versions: a JSON file beside every exported file."""

import json
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from micronet_edge.lowering import Applied
from micronet_edge.metadata import DISTRIBUTION, FileMetadata, tool_version
from micronet_edge.models.checkpoints import file_sha256
from micronet_edge.models.random_weights import SEED
from micronet_edge.unchanged import manifest_path
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
) -> None:
    """Writes the manifest of `file` beside it."""
    origin: dict[str, object] = (
        {"weights": "random, for timing only", "seed": SEED}
        if checkpoint is None
        else {"weights": checkpoint.name, "sha256": metadata.checkpoint_sha256}
    )
    content = {
        "file": {"name": file.name, "size_bytes": file.stat().st_size, "sha256": file_sha256(file)},
        "variant": metadata.variant,
        "input": origin,
        "settings": settings,
        "preprocessing": metadata.preprocessing.to_dict(),
        "labels": len(metadata.labels),
        "rewrites": [asdict(step) for step in applied],
        "proof": asdict(proof),
        "versions": {DISTRIBUTION: tool_version(), "python": python_version(), **package_versions()},
    }
    manifest_path(file).write_text(json.dumps(content, indent=2) + "\n")


def package_versions() -> dict[str, str]:
    """Of the packages that a file or a figure depends on, those installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
