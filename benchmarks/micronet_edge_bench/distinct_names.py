"""Names of files that are unique among them."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from micronet_edge.errors import SettingsError


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """The files' names, with as many folders as needed to make them unique.

    Raises SettingsError on a file that is given twice.
    """
    places = Counter(os.path.realpath(path) for path in paths)
    if repeated := [path for path, times in places.items() if times > 1]:
        raise SettingsError(
            f"{Path(repeated[0]).name} is given twice: give it once, or a copy to measure the noise"
        )
    whole = [path.absolute() for path in paths]
    names = [path.name for path in whole]
    depth = 1
    while len(set(names)) < len(names):
        depth += 1
        many = {name for name, times in Counter(names).items() if times > 1}
        names = [
            "/".join(path.parts[-depth:]) if name in many else name
            for name, path in zip(names, whole, strict=True)
        ]
    return names
