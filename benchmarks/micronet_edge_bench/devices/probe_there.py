"""Runs on a device: prints as JSON which packages of its command line this Python has.

Runs on Python 3.6, so that a Python too old for the bench reports its version instead of failing.
"""

import json
import os
import platform
import sys
from pathlib import Path


def versions(packages: "list[str]") -> "dict[str, str]":
    """The versions of the installed packages among these."""
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
    """The folder of packages for this version of Python and architecture."""
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
