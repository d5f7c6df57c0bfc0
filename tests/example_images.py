"""The script that writes the digits example's images, as a module."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_SCRIPT = Path(__file__).parents[1] / "examples" / "digits" / "images.py"
_spec = spec_from_file_location("digits_images", _SCRIPT)
digits = module_from_spec(_spec)
_spec.loader.exec_module(digits)
