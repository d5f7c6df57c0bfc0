"""Who may import whom, read from the source."""

import ast
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ROOTS = ("src", "exporters", "benchmarks")
CORE, HARNESS = "micronet_edge", "micronet_edge_bench"
HEAVY = {"torch", "numpy", "onnx", "onnxruntime", "onnxsim", "onnx2tf", "tensorflow", "ai_edge_litert"}
RUNTIMES = HEAVY - {"torch", "numpy"}


def sources(root):
    return sorted(path for path in (REPOSITORY / root).rglob("*.py") if "__pycache__" not in path.parts)


def imported(nodes):
    """The full names of the modules that the import statements name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def everywhere(path):
    return set(imported(ast.walk(tree(path))))


def on_import(path):
    """What is imported when the module is: all but what stands in functions or is for type checkers."""

    def statements(body):
        for node in body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                yield from statements(node.orelse)
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield node
                yield from statements(ast.iter_child_nodes(node))

    return set(imported(statements(tree(path).body)))


def packages(modules):
    return {module.split(".")[0] for module in modules}


def ours(modules):
    return {name for name in packages(modules) if name.startswith(CORE)}


def is_cli(path):
    return (REPOSITORY / "src" / CORE / "cli") in path.parents


def exporters():
    return sorted(folder.name for folder in (REPOSITORY / "exporters").iterdir() if folder.is_dir())


def test_there_is_something_to_look_at():
    assert len(sources("src")) > 20
    assert {"micronet_edge_onnx", "micronet_edge_tflite"} <= set(exporters())


def test_the_core_imports_neither_exporters_nor_benchmarks():
    for path in sources("src"):
        if not is_cli(path):
            assert ours(everywhere(path)) <= {CORE}, path


def test_the_core_knows_no_runtime_and_no_format():
    for path in sources("src"):
        assert not packages(everywhere(path)) & RUNTIMES, path


def test_exporters_import_the_core_and_never_each_other():
    for name in exporters():
        for path in sources(f"exporters/{name}"):
            assert ours(everywhere(path)) <= {CORE, name}, path


def test_benchmarks_import_the_core_and_their_own_harness():
    for path in sources("benchmarks"):
        assert ours(everywhere(path)) <= {CORE, HARNESS}, path


def test_nothing_imports_the_command_line():
    for root in ROOTS:
        for path in sources(root):
            if not is_cli(path):
                assert not any(name.startswith(f"{CORE}.cli") for name in everywhere(path)), path


def test_the_command_line_loads_heavy_libraries_only_when_a_command_runs():
    light = {CORE, f"{CORE}.errors"}
    for path in sources("src"):
        if is_cli(path):
            found = on_import(path)
            assert packages(found) <= {"typer", CORE, *sys.stdlib_module_names}, path
            core = {name for name in found if name.startswith(CORE)}
            assert all(name in light or name.startswith(f"{CORE}.cli") for name in core), path


@pytest.mark.parametrize("name", exporters())
def test_a_target_is_found_without_loading_its_runtime(name):
    target = REPOSITORY / "exporters" / name / "target.py"
    assert not packages(on_import(target)) & RUNTIMES


def test_every_exporter_has_files_of_the_same_names():
    for name in exporters():
        found = {path.name for path in sources(f"exporters/{name}")}
        assert {"__init__.py", "target.py", "convert.py", "session.py", "metadata.py"} <= found
