"""Builds the libraries of kernels beside the Python; without a compiler all else installs as usual."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Command, Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build

KERNELS = Path("src/micronet_edge/kernels")
LIBRARIES = ("libmicronet_edge_kernels", "libmicronet_edge_training")


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
        folder = Path(self.build_temp, "kernels").absolute()
        try:
            configure = ["cmake", "-S", KERNELS / "native", "-B", folder]
            subprocess.run(configure, check=True)
            subprocess.run(["cmake", "--build", folder, "--parallel"], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
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
        return [folder / f"{name}-{platform.machine()}.so" for name in LIBRARIES]

    def get_source_files(self):
        return [str(path) for path in (KERNELS / "native").rglob("*") if path.is_file()]

    def get_outputs(self):
        return [str(target) for target in self._targets()]

    def get_output_mapping(self):
        return {}


class Build(build):
    """The usual build and the kernels."""

    sub_commands = [*build.sub_commands, ("build_kernels", None)]


class Wheel(bdist_wheel):
    """A wheel of any Python, for the platform that its library was compiled for."""

    def get_tag(self):
        built = list(Path(self.bdist_dir).rglob("*.so"))
        return ("py3", "none", super().get_tag()[2] if built else "any")


class WithKernels(Distribution):
    """What is installed belongs to one platform."""

    def has_ext_modules(self):
        return True


setup(distclass=WithKernels, cmdclass={"bdist_wheel": Wheel, "build": Build, "build_kernels": BuildKernels})
