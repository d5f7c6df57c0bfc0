"""Who may import whom, read from the source."""

import ast
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ROOTS = ("src", "exporters", "benchmarks")
CORE, HARNESS = "micronet_edge", "micronet_edge_bench"
HEAVY = {"torch", "numpy", "onnx", "onnxruntime", "onnxsim", "onnx2tf", "tensorflow", "ai_edge_litert"}
LIGHT = ("errors", "settings", "util.safe_text", "util.printing", "util.terminal", "util.text")
"""Modules of the core that load next to nothing."""

ON_DEVICES = ("micronet_edge_bench/runner/", "_there.py")
"""What runs on a board imports nothing of ours."""

RUNTIMES = HEAVY - {"torch", "numpy"}


APPS = Path("src", CORE, "deployment", "apps")
"""What `deploy` writes for others; nothing of ours imports it."""


def sources(root):
    found = (path for path in (REPOSITORY / root).rglob("*.py") if "__pycache__" not in path.parts)
    return sorted(path for path in found if (REPOSITORY / APPS) not in path.parents)


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


ENTRIES = {REPOSITORY / "src" / CORE / name for name in ("train.py", "__main__.py")}
"""The command as a module: what torchrun starts, and `python -m micronet_edge`."""


def test_nothing_imports_the_command_line():
    for root in ROOTS:
        for path in sources(root):
            if not is_cli(path) and path not in ENTRIES:
                assert not any(name.startswith(f"{CORE}.cli") for name in everywhere(path)), path


def test_training_is_on_top():
    """Only the command line and the public package import it, and benchmarks."""
    public = REPOSITORY / "src" / CORE / "__init__.py"
    for root in ("src", "exporters"):
        for path in sources(root):
            if is_cli(path) or path in {public, *ENTRIES} or path.parent.name == "training":
                continue
            assert not any(name.startswith(f"{CORE}.training") for name in everywhere(path)), path


def test_the_command_line_loads_heavy_libraries_only_when_a_command_runs():
    light = {CORE, *(f"{CORE}.{name}" for name in LIGHT)}
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


EVERY_TARGET_HAS = {
    *("__init__.py", "target.py", "session.py", "metadata.py", "pipelines.py", "costs.json"),
    *("operators", "passes", "writer"),
}
"""Files and folders of a target's package."""


@pytest.mark.parametrize("name", exporters())
def test_every_exporter_has_files_of_the_same_names(name):
    found = {path.name for path in (REPOSITORY / "exporters" / name).iterdir()}
    assert found >= EVERY_TARGET_HAS


@pytest.mark.parametrize("name", exporters())
def test_a_writer_knows_no_operator(name):
    """Operators write themselves with the writer's means; a registry finds them."""
    for path in sources(f"exporters/{name}/writer"):
        assert not any(module.startswith(f"{name}.operators") for module in everywhere(path)), path


@pytest.mark.parametrize("name", LIGHT)
def test_what_the_command_line_loads_at_once_is_light(name):
    found = on_import(REPOSITORY.joinpath("src", CORE, *name.split(".")).with_suffix(".py"))
    assert packages(found) <= {CORE, *sys.stdlib_module_names}
    assert {module for module in found if module.startswith(CORE)} <= {f"{CORE}.{each}" for each in LIGHT}


def our_own_sources():
    """All but what runs on a device."""
    for root in ROOTS:
        for path in sources(root):
            if not any(mark in str(path) for mark in ON_DEVICES):
                yield path, str(path.relative_to(REPOSITORY / root))


PRINTS = {"print", "Console", "echo", "secho", "from_markup", "stdout.write", "stderr.write"}
PRINTERS = {
    "micronet_edge/util/terminal.py",
    "micronet_edge/util/safe_console.py",
    "clients/children/child.py",  # runs where a client is installed, and we are not
}


def called(path):
    """The names of what a file calls, but for a console's own; with what stands before a last `write`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            parts = ast.unparse(node.func).split(".")
            if "console" not in parts[0]:
                yield ".".join(parts[-2:]) if parts[-1] == "write" else parts[-1]


def test_everything_printed_goes_one_way():
    seen = {name: set(called(path)) & PRINTS for path, name in our_own_sources()}
    assert {name for name, found in seen.items() if found} <= PRINTERS


def test_everything_in_a_page_is_escaped_in_one_place():
    for path, name in our_own_sources():
        if name != "micronet_edge/util/safe_text.py":
            assert not {"html", "html.escape"} & everywhere(path), name


WRITES = {"write_text", "write_bytes", "writestr", "save_file", "replace", "rename", "copyfile", "copy"}
WRITERS = {
    # the way for all
    "micronet_edge/util/journal.py",
    "micronet_edge/util/output_files.py",
    # into the folder that `atomic_write` gives
    "micronet_edge/verification/manifest.py",
    "micronet_edge/quantization/recipe.py",
    "micronet_edge/deployment/deploy.py",
    "micronet_edge_onnx/target.py",
    "micronet_edge_tflite/target.py",
    "micronet_edge_c/c_files.py",
    "micronet_edge_tflite/converter/convert.py",
    "micronet_edge_tflite/metadata.py",
    "micronet_edge_tflite/converter/name_tensors.py",
    "micronet_edge_tflite/converter/sign.py",
    # into temporary folders of their own
    "micronet_edge/deployment/npm.py",
    "micronet_edge_bench/devices/local.py",
    "micronet_edge_bench/devices/partial_files.py",
    "micronet_edge_bench/packing.py",
    "micronet_edge_bench/shell_facts.py",
    "baselines/plain_converters.py",
    "baselines/suite_files.py",
    "micronet_edge_bench/tuning/candidates.py",
    "suites/own_networks.py",
    "suites/training_loader.py",
    "clients/running.py",
    "clients/children/ncnn_by_pnnx.py",
    "clients/children/executorch_xnnpack.py",
    # a suite's results
    "suites/tflm_estimate.py",
    "suites/mcu_kernels.py",
    # into the fuzzer's own folders
    "fuzz/__main__.py",
    "fuzz/base_files.py",
    "fuzz/damage.py",
    "fuzz/running.py",
    # into the hidden folder of a run
    "micronet_edge/pipeline/run.py",
    # into memory
    "micronet_edge_c/writer/arduino.py",
    # into a pipe
    "micronet_edge/targets/isolation.py",
    # into the kernel's own files
    "board/namespace.py",
}


def writes(path):
    """Calls that write or rename files, as far as names tell; not `replace` of a text or of settings."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            owner = ast.unparse(node.func.value)
            renames = node.func.attr == "replace" and len(node.args) == 1 and not node.keywords
            copies = node.func.attr not in {"replace", "copy"} or owner == "shutil"
            if renames or copies:
                yield f"{owner}.{node.func.attr}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "open":
            modes = [ast.literal_eval(each) for each in node.args[:2] if isinstance(each, ast.Constant)]
            if any(isinstance(mode, str) and mode[:1] in {"w", "a", "x"} for mode in modes):
                yield ast.unparse(node)


def test_who_writes_files_is_known():
    assert {name for path, name in our_own_sources() if list(writes(path))} <= WRITERS
