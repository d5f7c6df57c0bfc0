"""Converts frozen dataclasses to JSON values and back, and checks every value's type."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class RecordError(Exception):
    """A value does not fit its field; the text names its place."""


Record = TypeVar("Record", bound="DataclassInstance")


def to_values(record: "DataclassInstance") -> dict[str, object]:
    """The record as JSON values, except tuples, which JSON writes as lists."""
    return asdict(record)


def from_values(kind: type[Record], values: object, where: str) -> Record:
    """Reads what to_values wrote, after JSON.

    `where` names the place in errors. A field with a default may be missing. Unknown keys are ignored, so
    that newer writers may add some.
    Raises RecordError with the value that is missing or of another type.
    """
    if not isinstance(values, Mapping):
        raise RecordError(f"{where} is {_shown(values)}, not an object")
    hints = get_type_hints(kind)
    read = {}
    for field in fields(kind):
        place = f"{where}.{field.name}" if where else field.name
        if field.name in values:
            read[field.name] = _read(hints[field.name], values[field.name], place)
        elif field.default is MISSING:
            raise RecordError(f"{place} is missing")
    return kind(**read)


def _read(hint: object, value: object, where: str) -> object:
    if isinstance(hint, UnionType):
        return _one_of(get_args(hint), value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise RecordError(f"{where} is {_shown(value)}, not a list")
        return tuple(_read(get_args(hint)[0], each, f"{where}[{i}]") for i, each in enumerate(value))
    if get_origin(hint) is dict:
        if not isinstance(value, Mapping):
            raise RecordError(f"{where} is {_shown(value)}, not an object")
        return {str(key): _read(get_args(hint)[1], each, f"{where}.{key}") for key, each in value.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return from_values(hint, value, where)
    return _plain(hint, value, where)


def _one_of(hints: tuple[object, ...], value: object, where: str) -> object:
    """Reads a union, which is always one type or None here."""
    if value is None:
        return None
    (hint,) = (each for each in hints if each is not type(None))
    return _read(hint, value, where)


def _plain(hint: object, value: object, where: str) -> object:
    if hint is float and type(value) is int:  # JSON writers drop the decimal point of a whole number
        return float(value)
    if type(value) is not hint:
        raise RecordError(f"{where} is {_shown(value)}, not of type {getattr(hint, '__name__', hint)}")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 - the room in a line
