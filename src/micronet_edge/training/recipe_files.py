"""Reads recipes: those of the package by name, and a user's own TOML files."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import get_type_hints

import msgspec

from micronet_edge.errors import SettingsError
from micronet_edge.models.family import FAMILY
from micronet_edge.settings import TrainSettings
from micronet_edge.training.recipe import Recipe, ScheduleRecipe
from micronet_edge.training.recipe_limits import recipe_problem, recipe_values
from micronet_edge.util.user_files import MIB, Kind, read_text

RECIPES = ("small", "finetune", "paper")
_RECIPE_FILE = Kind("recipe", MIB, "give a TOML file such as `--recipe small --show` prints", SettingsError)
_BASE = "base"
_NONE = "none"
_OPTIONAL = ("dropout", "ema_decay", "optimizer.clip_norm", "schedule.patience")
"""Values that the word "none" switches off, since TOML has no null."""

Table = dict[str, object]


def default_recipe(start: object) -> str:
    """The recipe that applies if none is given: `small` from scratch, `finetune` from a checkpoint."""
    return "small" if start is None else "finetune"


def recipe_text(name: str) -> str:
    """The file of a recipe of the package. Raises SettingsError on another name."""
    if name not in RECIPES:
        raise SettingsError(
            f"recipe {name} is unknown: choose {', '.join(RECIPES)}, or give the path of a TOML file"
        )
    return files("micronet_edge.training").joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")


def read_recipe(given: Path | str, variant: str) -> Recipe:
    """The recipe of the package by name, or of a TOML file, as it is for a variant.

    Args:
        given: a name, or the path of a file; the file may start from another recipe with `base = "small"`.
        variant: m0 to m3; its own values under [variants] replace the others.

    Raises:
        SettingsError: the file cannot be read, or has an unknown key, a wrong type or a value out of range.
            The line names the file, the key and what is allowed.
    """
    source = str(given)
    text = _text(given)
    table = _with_base(_parsed(text, source), source)
    overrides = table.pop("variants", {})
    for name, values in _of_variants(overrides, source).items():
        if name == variant:
            for key, value in values.items():
                _put(table, key, value)
    recipe = _converted(_without_nones(table), source)
    if (problem := recipe_problem(recipe)) is not None:
        raise SettingsError(f"recipe {source}: {problem}")
    return recipe


def with_settings(recipe: Recipe, settings: TrainSettings) -> Recipe:
    """The recipe with the user's epochs, batch size, learning rate and input size.

    Fewer epochs shorten the warm-up and the head's epochs in proportion. Raises SettingsError on a value out
    of range.
    """
    batch = recipe.batch_size if settings.batch_size is None else settings.batch_size
    changed = replace(recipe, batch_size=batch)
    if settings.input_size is not None:
        changed = replace(changed, input_size=settings.input_size)
    if settings.lr is not None:
        changed = replace(changed, optimizer=replace(recipe.optimizer, lr=settings.lr, lr_batch_size=batch))
    if settings.epochs is not None:
        changed = replace(changed, schedule=_lasting(recipe.schedule, settings.epochs))
    if (problem := recipe_problem(changed)) is not None:
        raise SettingsError(f"training settings: {problem}")
    return changed


def _lasting(schedule: ScheduleRecipe, epochs: int) -> ScheduleRecipe:
    shorter = min(1.0, max(0, epochs) / schedule.epochs)
    return replace(
        schedule,
        epochs=epochs,
        warmup_epochs=schedule.warmup_epochs * shorter,
        head_epochs=int(schedule.head_epochs * shorter),
    )


# --- Files


def _text(given: Path | str) -> str:
    if str(given) in RECIPES:
        return recipe_text(str(given))
    path = Path(given)
    if not path.suffix and not path.exists():
        return recipe_text(str(given))  # which refuses it
    return read_text(path, _RECIPE_FILE)


def _parsed(text: str, source: str) -> Table:
    try:
        table: Table = msgspec.toml.decode(text.encode(), type=dict[str, object])
    except msgspec.DecodeError as error:
        raise SettingsError(f"recipe {source} is not valid TOML ({error}): correct it") from error
    return table


def _with_base(table: Table, source: str) -> Table:
    base = table.pop(_BASE, None)
    if base is None:
        return table
    if base not in RECIPES:
        raise SettingsError(f"recipe {source}: base is {base!r}: give one of {', '.join(RECIPES)}")
    return _merged(_parsed(recipe_text(str(base)), str(base)), table)


def _merged(base: Table, other: Table) -> Table:
    merged = dict(base)
    for key, value in other.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]  # both are tables
    return merged


def _of_variants(overrides: object, source: str) -> Mapping[str, Table]:
    if not isinstance(overrides, dict) or not all(isinstance(each, dict) for each in overrides.values()):
        raise SettingsError(f"recipe {source}: variants: give a table for each, such as [variants.m3]")
    for name, values in overrides.items():
        if name not in FAMILY:
            raise SettingsError(f"recipe {source}: variants.{name}: give one of {', '.join(FAMILY)}")
        known = recipe_values(Recipe())
        for key in values:
            if key not in known:
                raise SettingsError(
                    f"recipe {source}: variants.{name}: unknown key {key}: give dotted names in quotes, such "
                    'as "optimizer.lr"'
                )
    return overrides


def _put(table: Table, dotted: str, value: object) -> None:
    head, _, rest = dotted.partition(".")
    if not rest:
        table[head] = value
        return
    below = table.setdefault(head, {})
    if isinstance(below, dict):
        _put(below, rest, value)


# --- Records


def _without_nones(table: Table, prefix: str = "") -> Table:
    """The table with the optional values that are "none" as None."""
    made: Table = {}
    for key, value in table.items():
        if isinstance(value, dict):
            made[key] = _without_nones(value, f"{prefix}{key}.")
        else:
            off = value == _NONE and prefix + key in _OPTIONAL
            made[key] = None if off else value
    return made


def _converted(table: Table, source: str) -> Recipe:
    _check_keys(table, Recipe, "", source)
    try:
        return msgspec.convert(table, Recipe)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        place = place.rstrip("`") or "the file"
        reason = reason[:1].lower() + reason[1:].replace("`", "").replace(" | null", ' or "none"')
        raise SettingsError(f"recipe {source}: {place}: {reason}") from error


def _check_keys(table: Table, record: type, prefix: str, source: str) -> None:
    """Refuses unknown keys, which msgspec takes for a dataclass."""
    hints = get_type_hints(record)
    known = [each.name for each in fields(record)]
    for key, value in table.items():
        if key not in known:
            raise SettingsError(
                f"recipe {source}: unknown key {prefix}{key}: the keys here are {', '.join(known)}"
            )
        below = hints[key]
        if is_dataclass(below) and isinstance(below, type) and isinstance(value, dict):
            _check_keys(value, below, f"{prefix}{key}.", source)
