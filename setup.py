"""Builds the libraries of kernels beside the Python; without a compiler all else installs as usual.

MICRONET_EDGE_WHEEL makes a wheel for others: x86_64 and aarch64, with libraries for any Linux with glibc
2.28, or none, without libraries. release/wheels.py checks what they claim.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Command, Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build
from setuptools.command.build_py import build_py

KERNELS = Path("src/micronet_edge/kernels")
LIBRARIES = ("libmicronet_edge_kernels", "libmicronet_edge_training")
DEMO = (Path("examples/digits/m0-digits.safetensors"), Path("micronet_edge/demo/m0-digits.safetensors"))
"""The demo's checkpoint: an example in the repository, beside its module in a wheel."""

WHEEL = os.environ.get("MICRONET_EDGE_WHEEL")
NO_KERNELS = "none"
MACHINE = WHEEL or platform.machine()
CROSS = {
    "aarch64": (
        "-DCMAKE_SYSTEM_NAME=Linux",
        "-DCMAKE_SYSTEM_PROCESSOR=aarch64",
        "-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++",
    )
}


class BuildPython(build_py):
    """The modules, and the demo's checkpoint."""

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, DEMO[1])
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(DEMO[0], target)

    def get_outputs(self, *arguments, **named):
        own = [] if self.editable_mode else [str(Path(self.build_lib, DEMO[1]))]
        return [*super().get_outputs(*arguments, **named), *own]


class BuildKernels(Command):
    """Compiles the kernels with CMake, for this machine."""

    description = "compile the fused kernels"
    user_options = []
    editable_mode = False

    def initialize_options(self):
        self.build_lib = None
        self.build_temp = None

    def finalize_options(self):
        self.set_undefined_options("build", ("build_lib", "build_lib"), ("build_temp", "build_temp"))

    def run(self):
        if WHEEL == NO_KERNELS:
            return
        folder = Path(self.build_temp, "kernels").absolute()
        options = [] if WHEEL is None else ["-DSTATIC_LIBSTDCXX=ON"]
        if platform.machine() != MACHINE:
            options += CROSS[MACHINE]
        try:
            configure = ["cmake", "-S", KERNELS / "native", "-B", folder, *options]
            subprocess.run(configure, check=True)
            subprocess.run(["cmake", "--build", folder, "--parallel"], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            if WHEEL is not None:  # it would not be the wheel that was asked for
                raise
            print(f"warning: no fused kernels: {error}", file=sys.stderr)
            return
        for name, target in zip(LIBRARIES, self._targets(), strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            # Put in place at once, as a file of its own: processes that use the old one go on to do so.
            fresh = target.with_suffix(".new")
            shutil.copy(folder / f"{name}.so", fresh)
            fresh.replace(target)

    def _targets(self):
        folder = KERNELS if self.editable_mode else Path(self.build_lib, *KERNELS.parts[1:])
        return [folder / f"{name}-{MACHINE}.so" for name in LIBRARIES]

    def get_source_files(self):
        return [str(path) for path in (KERNELS / "native").rglob("*") if path.is_file()]

    def get_outputs(self):
        return [] if WHEEL == NO_KERNELS else [str(target) for target in self._targets()]

    def get_output_mapping(self):
        return {}


class Build(build):
    """The usual build and the kernels."""

    sub_commands = [*build.sub_commands, ("build_kernels", None)]


class Wheel(bdist_wheel):
    """A wheel of any Python, for the platform that its library was compiled for."""

    def get_tag(self):
        if not list(Path(self.bdist_dir).rglob("*.so")):
            return ("py3", "none", "any")
        return ("py3", "none", f"manylinux_2_28_{WHEEL}" if WHEEL else super().get_tag()[2])


class WithKernels(Distribution):
    """What is installed belongs to one platform."""

    def has_ext_modules(self):
        return True


setup(
    distclass=WithKernels,
    cmdclass={
        "bdist_wheel": Wheel,
        "build": Build,
        "build_kernels": BuildKernels,
        "build_py": BuildPython,
    },
)
