"""The marked places of an app's source, where what differs between models is put in."""

import re
from importlib.resources import files


def app_file(kind: str, name: str) -> str:
    """The text of a file that all apps of a kind start from, in `apps/`."""
    return files("micronet_edge.deployment").joinpath("apps", kind, name).read_text(encoding="utf-8")


def with_block(text: str, name: str, content: str) -> str:
    """The text with other lines between the one that opens a block, with <name> in it, and that with </name>.

    The rest of the opening line stays, and so does the closing line. The text must have one such block.
    """
    lines = re.compile(rf"(?m)(^.*<{name}>.*\n)(?:.*\n)*?(^.*</{name}>.*$)")
    replaced, count = lines.subn(lambda found: f"{found[1]}{content.rstrip()}\n{found[2]}", text)
    assert count == 1, name  # our own files
    return replaced
