"""What TensorFlow Lite Micro lacks for a TFLite file: operators that it does not know, and shapes and types.

Source: tflite-micro, the version in `registered.json`. A test asks its interpreter again.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.util.text import plural
from micronet_edge_tflite.counting.operator_names import OPERATOR_NAMES

_CONTENT = files(__package__).joinpath("registered.json").read_text(encoding="utf-8")
REGISTERED: frozenset[str] = frozenset(json.loads(_CONTENT)["operators"])
"""Operators that its interpreter in the Python package knows; a firmware may register fewer."""

MOST_CONCATENATED = 10
MOST_AXES = {"TRANSPOSE": 5, "STRIDED_SLICE": 4}
"""Of a tensor that the operator reads."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An operator and the tensors that it reads."""

    kind: str
    inputs: Sequence[schema.TensorT]


def lacking(content: bytes) -> tuple[str, ...]:
    """What TensorFlow Lite Micro lacks to run a sound model, in words; empty if nothing known is."""
    return tuple(
        f"{what}, {plural(count, 'operator')}" for what, count in sorted(Counter(_lacks(content)).items())
    )


def notes_on(content: bytes) -> tuple[str, ...]:
    """One line that says so, for a person; none for a model that lacks nothing."""
    found = lacking(content)
    return (f"TensorFlow Lite Micro cannot run this file: {'; '.join(found)}",) if found else ()


def _lacks(content: bytes) -> Iterator[str]:
    for placed in _operators(content):
        if placed.kind not in REGISTERED:
            yield f"{placed.kind} is not among its operators"
            continue
        found = (limit(placed) for limit in _LIMITS.get(placed.kind, ()))
        yield from (reason for reason in found if reason is not None)


def _operators(content: bytes) -> Iterator[_Placed]:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    graph = model.subgraphs[0]
    for operator in graph.operators or ():
        code = model.operatorCodes[operator.opcodeIndex]
        custom = code.customCode
        name = OPERATOR_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
        kind = str(name) if custom is None else custom.decode(errors="replace")
        yield _Placed(kind, [graph.tensors[place] for place in operator.inputs if place >= 0])


def _too_many_axes(placed: _Placed) -> str | None:
    axes = len(placed.inputs[0].shape)
    most = MOST_AXES[placed.kind]
    return f"{placed.kind} takes at most {most} axes, not {axes}" if axes > most else None


def _too_many_inputs(placed: _Placed) -> str | None:
    count = len(placed.inputs)
    too_many = count > MOST_CONCATENATED
    return f"CONCATENATION takes at most {MOST_CONCATENATED} tensors, not {count}" if too_many else None


def _wide_indices(placed: _Placed) -> str | None:
    wide = placed.inputs[1].type == schema.TensorType.INT64
    return "GATHER takes indices of int32, not int64" if wide else None


def _halves(placed: _Placed) -> str | None:
    halves = placed.inputs[0].type == schema.TensorType.FLOAT16
    return "DEQUANTIZE takes no float16" if halves else None


_LIMITS: Mapping[str, tuple[Callable[[_Placed], str | None], ...]] = {
    "TRANSPOSE": (_too_many_axes,),
    "STRIDED_SLICE": (_too_many_axes,),
    "CONCATENATION": (_too_many_inputs,),
    "GATHER": (_wide_indices,),
    "DEQUANTIZE": (_halves,),
}
