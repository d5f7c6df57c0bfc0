"""Converts the output of the runner to a run of the results."""

from collections.abc import Mapping, Sequence

import msgspec

from micronet_edge_bench.devices import DeviceError
from micronet_edge_bench.inputs import PreparedFile
from micronet_edge_bench.results import Environment, FileResult, Method, Run


def run_of(device: str, method: Method, content: Mapping[str, object], files: Sequence[PreparedFile]) -> Run:
    """The run of a device that wrote `content`, with the local facts about the files.

    Raises DeviceError on an incomplete result.
    """
    try:
        written = _object(content, "files")
        return Run(
            device,
            method,
            _environment(_object(content, "environment")),
            tuple(_file(file, _object(written, file.name)) for file in files),
        )
    except msgspec.ValidationError as error:
        raise DeviceError(device, f"its result cannot be read: {error}") from error


def _environment(facts: Mapping[str, object]) -> Environment:
    before, after = (_around(facts, "load_average", when) for when in ("before", "after"))
    values = {
        **facts,
        "load_before": before[0] if before else None,
        "load_after": after[0] if after else None,
        "frequencies_khz": _around(facts, "frequencies_khz", "after") or [],
    }
    return msgspec.convert(values, Environment)


def _around(facts: Mapping[str, object], name: str, when: str) -> list[object] | None:
    """The values before and after the measurement."""
    value = _object(facts, name).get(when)
    return value if isinstance(value, list) else None


def _file(file: PreparedFile, written: Mapping[str, object]) -> FileResult:
    known = {
        "name": file.name,
        "format": file.format,
        "input": file.input,
        "input_dtype": file.array.dtype.name,
        "input_shape": list(file.array.shape),
        "madds": file.madds,
    }
    if file.metadata is not None:
        names = ("variant", "precision", "naive", "portable")
        known |= {name: getattr(file.metadata, name) for name in names}
    return msgspec.convert({**written, **known}, FileResult)


def _object(content: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = content.get(name)
    if not isinstance(value, Mapping):
        raise msgspec.ValidationError(f"{name} is missing")
    return value
