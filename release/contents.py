"""What a wheel holds: everything that runs, the demo's data, the licences, and nothing else."""

import sys
import zipfile
from pathlib import Path

MOST_DEMO_BYTES = 2_000_000
REQUIRED = (
    "micronet_edge/demo/m0-digits.safetensors",
    "micronet_edge/demo/digits.png",
    "micronet_edge/kernels/native/CMakeLists.txt",
    "micronet_edge/data/photographs/coffee.jpg",
    "micronet_edge_onnx/costs.json",
    "micronet_edge_tflite/target.py",
    "micronet_edge_bench/__init__.py",
)
LICENCES = ("LICENSE", "NOTICE")


def check_contents(wheel: Path, *, with_kernels: bool) -> None:
    """Ends the program where a file is missing, too large, or should not be there."""
    with zipfile.ZipFile(wheel) as archive:
        sizes = {each.filename: each.file_size for each in archive.infolist()}
    libraries = [name for name in sizes if name.endswith(".so")]
    licences = {Path(name).name for name in sizes if ".dist-info/licenses/" in name}
    problems = {
        "lacks " + ", ".join(name for name in REQUIRED if name not in sizes): not set(REQUIRED) <= set(sizes),
        f"holds {len(libraries)} libraries": bool(libraries) != with_kernels,
        "lacks a licence": licences != set(LICENCES),
        "holds what is no package of ours": any(not name.startswith("micronet_edge") for name in sizes),
        "has a demo of more than 2 MB": demo_bytes(sizes) > MOST_DEMO_BYTES,
    }
    for problem, is_so in problems.items():
        if is_so:
            sys.exit(f"error: {wheel.name} {problem}")


def demo_bytes(sizes: dict[str, int]) -> int:
    """The size of the demo's files, unpacked."""
    return sum(size for name, size in sizes.items() if name.startswith("micronet_edge/demo/"))
