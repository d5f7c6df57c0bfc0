"""The library built for this machine; without a compiler there is none, and nothing here to test."""

import os
from pathlib import Path

import pytest
from kernels.fused_library import Library

from micronet_edge import kernels

OTHER_LIBRARY = os.environ.get("MICRONET_EDGE_TESTED_KERNELS")
"""One that was built otherwise, with sanitizers, to run the same tests on."""


@pytest.fixture(scope="session")
def path():
    library = kernels.library() if OTHER_LIBRARY is None else Path(OTHER_LIBRARY)
    if library is None:
        pytest.skip("the kernels were not built: there is no C++ compiler")
    return library


@pytest.fixture(autouse=True)
def _use_the_other_library(monkeypatch):
    if OTHER_LIBRARY is not None:
        monkeypatch.setattr(kernels, "library", lambda _machine=None: Path(OTHER_LIBRARY))


@pytest.fixture(scope="session")
def library(path):
    return Library(path)
