"""C files on emulated RISC-V cores, with portable kernels: their own tests pass there."""

import subprocess
from shutil import which

import pytest
from exporters.c.c_networks import SMALL, classifier, int8_form, small, variant_form, write_float, write_int8
from lowering.networks import micronet, shift_max, stem
from torch import nn

from micronet_edge_c.compiling import KERNELS

CORES = {"rv32": ("rv32imac", "ilp32"), "rv64": ("rv64imafdc", "lp64d")}
COMPILER = "riscv64-unknown-elf-gcc"
TOOLS = COMPILER, "qemu-system-riscv32", "qemu-system-riscv64"
missing = [tool for tool in TOOLS if which(tool) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(missing),
        reason=f"needs {' and '.join(missing)}, and picolibc-riscv64-unknown-elf",
    ),
]
MEMORY = {"__flash": 0x80000000, "__flash_size": 0x800000, "__ram": 0x80800000, "__ram_size": 0x200000}


def verdict(path, core):
    """What the test beside a C file prints on a core without an operating system."""
    architecture, abi = CORES[core]
    program, test = path.with_suffix(".elf"), path.with_name(f"{path.stem}_test.c")
    build = [COMPILER, f"-march={architecture}", f"-mabi={abi}", "-mcmodel=medany", "-O2", "-std=c99"]
    library = ["--specs=picolibc.specs", "--oslib=semihost", "--crt0=hosted"]
    places = [f"-Wl,--defsym={name}={number:#x}" for name, number in MEMORY.items()]
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    files = [f"-I{KERNELS}", path, test, "-o", program]
    subprocess.run([*build, *library, *places, *warnings, *files], check=True)
    machine = [f"qemu-system-riscv{core[2:]}", "-machine", "virt", "-bios", "none"]
    console = [
        "-chardev",
        "stdio,id=console,signal=off",
        "-display",
        "none",
        "-monitor",
        "none",
        "-serial",
        "none",
    ]
    calls = ["-semihosting-config", "enable=on,target=native,chardev=console"]
    done = subprocess.run(
        [*machine, *console, *calls, "-kernel", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("core", CORES)
def test_a_small_network(core, tmp_path):
    layers = stem(8, 3), nn.ReLU6(), shift_max(8, 2), nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.ReLU()
    form = int8_form(small(*layers, *classifier(8)), SMALL)
    assert verdict(write_int8(form, tmp_path / "net.c", io="uint8"), core) == (0, "PASS\n")


@pytest.mark.parametrize("core", CORES)
def test_variants(core, tmp_path):
    assert verdict(write_int8(variant_form("m0"), tmp_path / "net.c"), core) == (0, "PASS\n")


@pytest.mark.parametrize("core", CORES)
def test_float32(core, tmp_path):
    assert verdict(write_float(micronet("m0"), 64, tmp_path / "net.c"), core) == (0, "PASS\n")
