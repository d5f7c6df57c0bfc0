"""What a run is to do, checked before any image is read."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from micronet_edge.errors import OutputError, SettingsError
from micronet_edge.models import Checkpoint
from micronet_edge.settings import TrainSettings
from micronet_edge.training.augment import Augmentation
from micronet_edge.training.distributed import World
from micronet_edge.training.export_files import Report, check_exportable
from micronet_edge.training.history import HISTORY
from micronet_edge.training.recipe import Recipe
from micronet_edge.training.recipe_files import default_recipe, read_recipe, with_settings
from micronet_edge.training.run_files import checkpoint_name, refuse_other_run
from micronet_edge.training.start import preprocessing_for, read_start, variant_of
from micronet_edge.training.state import LAST
from micronet_edge.training.teacher import check_teacher
from micronet_edge.util.atomic_write import check_output
from micronet_edge.util.limits import Limit
from micronet_edge.util.text import plural

SPLIT = "split.jsonl"

_SEED = Limit("--seed", 0, 2**63 - 1, "a seed is a number of 63 bits")
_WORKERS = Limit("--workers", 0, 256, "each takes hundreds of megabytes of memory")
_SMALLEST_SHARE = 2
"""Images of a process whose batch norms stand alone."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to do, as far as it is known without the images.

    Attributes:
        name: of the run and its checkpoint.
        folder: for its files.
        variant: m0 to m3.
        checkpoint: to start from.
        recipe_name: a name, or a file.
        recipe: with the user's settings.
    """

    name: str
    folder: Path
    variant: str
    checkpoint: Checkpoint | None
    recipe_name: str
    recipe: Recipe


def prepare(data: Path | str, settings: TrainSettings, report: Report = lambda _line: None) -> Prepared:
    """Checks settings, recipe, checkpoint and output folder; reports which format will be left out.

    Raises:
        SettingsError: a setting or a recipe is out of range.
        CheckpointError: the checkpoint cannot be read.
        OutputError: the folder holds another run, or cannot be written.
    """
    _SEED.check(settings.seed)
    if settings.workers is not None:
        _WORKERS.check(settings.workers)
    checkpoint = read_start(settings)
    variant = variant_of(settings, checkpoint)
    recipe_name = str(settings.recipe or default_recipe(settings.start))
    recipe = with_settings(read_recipe(recipe_name, variant), settings)
    Augmentation(recipe.augmentation, preprocessing_for(checkpoint, recipe, settings))  # needs kornia
    check_teacher(settings.teacher)
    if settings.export:
        check_exportable(report)
    name = run_name(variant, data, settings.output)
    folder = Path(name) if settings.output is None else Path(settings.output)
    _check_folder(folder, name, data, settings)
    return Prepared(name, folder, variant, checkpoint, recipe_name, recipe)


def run_name(variant: str, data: Path | str, output: Path | str | None) -> str:
    """The name of the run and its checkpoint: the variant, then the output folder's name or the images'."""
    own = data_name(data) if output is None else Path(output).resolve().name or data_name(data)
    return own if own.startswith(f"{variant}-") else f"{variant}-{own}"


def data_name(data: Path | str) -> str:
    """The name of the images: that of their folder, or the start of the shards' names."""
    place = Path(data)
    found = place.name if os.path.lexists(place) and place.name else place.resolve().name
    plain = re.sub(r"[\[{*?].*", "", found).removesuffix(".tar").rstrip("-_.")
    return plain or place.resolve().parent.name or "images"


def _check_folder(folder: Path, name: str, data: Path | str, settings: TrainSettings) -> None:
    refuse_other_run(folder, name, resume=settings.resume, overwrite=settings.overwrite)
    real, images = (Path(os.path.realpath(path)) for path in (folder, Path(data)))
    if real.is_relative_to(images):
        raise OutputError(f"{folder} lies in the folder of the images: give another --output")
    check_output(folder, (LAST, HISTORY, SPLIT, checkpoint_name(name)), overwrite=True)
    existing = next(each for each in (real, *real.parents) if os.path.lexists(each))
    if not existing.is_dir():
        raise OutputError(f"{folder} is a file, or inside one: give a folder as --output")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"{existing} cannot be written: change its permissions, or give another --output")


def fitting_batch(
    recipe: Recipe, images: int, world: World, settings: TrainSettings
) -> tuple[Recipe, str | None]:
    """The recipe with a batch that the training images fill and the processes share, and a line on a change.

    Only the recipe's own batch changes. Raises SettingsError if the user's does not fit.
    """
    size, each = recipe.batch_size, world.size
    if settings.batch_size is None and (size > images or size % each):
        size = min(size, images) // each * each
    smallest = each if recipe.sync_norms else _SMALLEST_SHARE * each
    if size < max(_SMALLEST_SHARE, smallest):
        raise SettingsError(
            f"{plural(images, 'training image')} in batches of {size} are too few for "
            f"{plural(each, 'process', 'processes')}: batch norms need batches of "
            f"{max(_SMALLEST_SHARE, smallest)} or more"
        )
    if size == recipe.batch_size:
        return recipe, None
    line = (
        f"batches of {size} images instead of the recipe's {recipe.batch_size}, since there are {images:,} "
        f"training images for {plural(each, 'process', 'processes')}"
    )
    return replace(recipe, batch_size=size), line
