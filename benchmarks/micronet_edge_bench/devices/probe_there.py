"""Runs on a device: tells which of the packages on its command line Python has there, as JSON.

Python 3.6 can read this file, so that one that is too old for the rest says so instead of failing.
"""

import json
import os
import platform
import sys
from pathlib import Path


def versions(packages: "list[str]") -> "dict[str, str]":
    """The versions of those packages that are installed."""
    try:
        from importlib.metadata import PackageNotFoundError, version
    except ImportError:  # before Python 3.8
        return {}
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _folder() -> Path:
    """Where packages are installed for this version of Python and kind of processor."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    version = "{}.{}".format(*sys.version_info[:2])
    return Path(cache, "micronet-edge", f"python{version}-{platform.machine()}")


def _probe(packages: "list[str]") -> "dict[str, object]":
    folder = _folder()
    path = []
    if folder.is_dir():
        sys.path.insert(0, str(folder))
        path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "python": platform.python_version(),
        "packages": versions(packages),
        "folder": str(folder),
        "path": os.pathsep.join(path),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_probe(sys.argv[1:])) + "\n")
