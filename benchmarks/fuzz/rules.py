"""The rules for the outcome of every run, on any input."""

import re
import unicodedata
from collections.abc import Iterator
from fnmatch import fnmatch

from fuzz.running import Case, Ran

MOST_PEAK_BYTES = 3 << 30

_FAILED, _USAGE = 1, 2
_CODES = {0, _FAILED, _USAGE, 130}
_REPORT = re.compile(r"report (it|this|that)|run again with --debug", re.IGNORECASE)
_STEPS = (
    *("allow", "change", "check", "choose", "close", "copy", "delete", "download", "export", "free", "give"),
    *("install", "keep", "leave", "list", "lower", "make", "measure", "move", "name", "pass", "preprocess"),
    *("put", "quantize", "remove", "rename", "repair", "replace", "run", "save", "see", "set", "shorten"),
    *("start", "take", "train", "try", "use", "wait", "write", "read", "fill", "resize", "scale", "look"),
)
_NEXT_STEP = re.compile(
    rf"(?:[:;,.(]|\bor|\band|\bto|\bnot)\s+(?:{'|'.join(_STEPS)})\b|pip install|such as", re.IGNORECASE
)
_LAYOUT = "\n\t\r"


def violations(case: Case, ran: Ran) -> Iterator[str]:
    """A short description of each rule that the run violates."""
    yield from _on_the_end(ran)
    yield from _on_words(case, ran)
    if ran.peak_bytes > MOST_PEAK_BYTES:
        yield "takes too much memory"
    if case.proven and ran.code == 0:
        yield "accepts a changed file beside its manifest"
    yield from _on_files(case, ran)


def _on_the_end(ran: Ran) -> Iterator[str]:
    errors = _errors(ran)
    if ran.late:
        yield "takes too long"
    elif ran.code < 0:
        yield f"ended by signal {-ran.code}"
    elif ran.code not in _CODES:
        yield f"exit code {ran.code}"
    if ran.code == _FAILED and len(errors) != 1:
        yield f"{len(errors)} error lines"
    if ran.code != _FAILED and errors:
        yield f"an error line with exit code {ran.code}"


def _on_words(case: Case, ran: Ran) -> Iterator[str]:
    if "Traceback (most recent call last)" in ran.errors + ran.output:
        yield "traceback"
    if _REPORT.search(ran.errors):
        yield "asks to report a bad input"
    if any(_is_control(letter) for letter in ran.output + ran.errors):
        yield "raw control characters"
    for line in _errors(ran):
        if case.names and not any(name in line for name in case.names):
            yield "does not name the file"
        if not _NEXT_STEP.search(line):
            yield "names no next step"


def _errors(ran: Ran) -> list[str]:
    return [line for line in ran.errors.splitlines() if line.startswith("error: ")]


def _on_files(case: Case, ran: Ran) -> Iterator[str]:
    allowed = case.outputs if ran.code == 0 else ()
    extra = [name for name in ran.left if not any(fnmatch(name.split("/")[0], each) for each in allowed)]
    if extra:
        yield f"leaves {extra[0]!r}"


def _is_control(letter: str) -> bool:
    return letter not in _LAYOUT and unicodedata.category(letter) == "Cc"
