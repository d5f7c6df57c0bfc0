"""The text of a recipe, for `train --show`."""

from pathlib import Path

from micronet_edge.models.family import FAMILY
from micronet_edge.training.recipe_files import RECIPES, read_recipe, recipe_text


def shown_recipe(given: str) -> str:
    """The file of a recipe of the package, or of a user's recipe that every variant accepts.

    Raises SettingsError on an unknown name and on a file that is no recipe.
    """
    if given in RECIPES:
        return recipe_text(given)
    for variant in FAMILY:
        read_recipe(given, variant)
    return Path(given).read_text(encoding="utf-8")
