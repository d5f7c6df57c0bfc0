"""Integer files: one recipe for all formats; each file is compared with its simulation and with float."""

from pathlib import Path
from typing import ClassVar

from micronet_edge.data.metadata import check_classifier, check_images
from micronet_edge.data.unseen_images import (
    QuantizationImages,
    bundled,
    notes_on_few,
    notes_on_likeness,
    parted,
)
from micronet_edge.errors import SettingsError
from micronet_edge.lowering import Applied, lower
from micronet_edge.models.quiet_layers import notes_on_quiet_layers
from micronet_edge.pipeline.find_recipe import find_recipe, given_recipe
from micronet_edge.pipeline.float_layers import notes_on_float_layers
from micronet_edge.pipeline.job import Work
from micronet_edge.pipeline.method import Written
from micronet_edge.pipeline.mixed_precision import Bound, Step, notes_on_resolution
from micronet_edge.pipeline.other_light import notes_on_light, with_utilisation
from micronet_edge.pipeline.probe import probe_of
from micronet_edge.quantization.finetune import check_enough
from micronet_edge.quantization.recipe import BITS, RECIPE_SUFFIX, recipe_path, save_recipe, weights_path
from micronet_edge.settings import QuantizeSettings
from micronet_edge.targets.protocol import FLOAT16, Target
from micronet_edge.targets.registry import integer_lowering_of
from micronet_edge.util.limits import MAX_DROP
from micronet_edge.verification.prove import FileToProve, Proof, prove_quantized


class QuantizedFiles:
    """Finds a recipe on the network that all targets share, and writes each target's quantized graph."""

    reading: ClassVar[str] = "reading the network and the images"
    suffixes_beside: ClassVar[tuple[str, ...]] = (RECIPE_SUFFIX,)

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lowering = integer_lowering_of(work.targets)
        settings = work.settings
        if settings.max_drop is not None and work.origin.random:
            raise SettingsError("--max-drop needs trained weights: give a checkpoint instead of a variant")
        for option, value in (("--max-drop", settings.max_drop), ("--finetune", settings.finetune)):
            if value is not None:
                check_classifier(work.origin.metadata, work.origin.called, option)
        _check_labelled(work)
        if settings.samples is not None:
            raise SettingsError("--samples is for float files: give --calibration, which serves for both")
        self._images = _images(work)
        for note in self._images.found_on.notes:
            work.report(f"WARNING: {note}")
        self._notes = _notes(work, self._images)
        self.recipe = recipe_path(Path(next(iter(work.names.values())))).name
        self.beside = (self.recipe, weights_path(Path(self.recipe)).name)
        self._applied: tuple[Applied, ...] = ()
        self._bound: Bound | None = None

    @staticmethod
    def check(settings: QuantizeSettings) -> None:
        if settings.precision not in BITS:
            other = f"; {FLOAT16} is written by `export --precision {FLOAT16}`"
            raise SettingsError(
                f"precision {settings.precision!r} is not an integer precision: choose {' or '.join(BITS)}"
                f"{other if settings.precision == FLOAT16 else ''}"
            )
        if settings.max_drop is not None and settings.data is None:
            raise SettingsError("--max-drop needs labelled images to measure on: give --data DIR")
        if settings.max_drop is not None:
            MAX_DROP.check(settings.max_drop)
        if settings.recipe is not None and settings.finetune is not None:
            raise SettingsError("a recipe contains its weights: give --recipe or --finetune, not both")

    def prepare(self, folder: Path) -> None:
        work = self._work
        work.report("lowering the network")
        given = given_recipe(work.settings)
        lowering = self._lowering
        costs = work.spec.tuning.costs(lowering.table, lowering.costs) if given is None else given.costs
        probe = probe_of(work.origin.metadata, self._images.found_on.inputs)
        lowered = lower(work.origin.network, lowering.pipeline(costs), probe)
        self._applied = lowered.applied
        self._bound = bound = find_recipe(work, lowered.network, self._images.found_on, given, costs)
        recipe, noted = with_utilisation(
            bound.formed.recipe, lowered.network, work.origin.metadata, self._images
        )
        self._notes += noted
        save_recipe(recipe, folder / self.recipe)

    def write(self, target: Target, path: Path) -> Written:
        self._work.report(f"{target.name}: writing the file and proving it")
        recipe, form = self._found.formed.recipe, self._found.formed.forms[target.name]
        target.quantize(form, self._work.spec, path)
        self._notes += notes_on_float_layers(target.name, form, recipe.in_float(target.name))
        settings: dict[str, object] = {
            "calibration": recipe.calibration,
            "recipe": recipe_path(path).name,
            "finetuning": recipe.finetuning,
            "float_layers": sorted(form.float_layers),
        }
        return Written(form.network, self._applied, settings)

    def prove(self, file: FileToProve, written: Written) -> Proof:
        del written  # the simulation needs the whole quantized graph
        origin, images = self._work.origin, self._images
        form = self._found.formed.forms[file.target.name]
        proof = prove_quantized(file, origin.network, form, images)
        if images.judged and not origin.random and origin.metadata.is_classifier:
            self._notes += notes_on_light(file, origin.network, images.proven_on[0], proof)
        return proof

    @property
    def steps(self) -> tuple[Step, ...]:
        return self._found.steps

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._notes, *self._found.notes)

    @property
    def _found(self) -> Bound:
        assert self._bound is not None  # `prepare` sets it
        return self._bound


def _check_labelled(work: Work) -> None:
    """Refuses bad folders of labelled images, and warns of few, before the work starts."""
    finetune, data, max_drop = work.settings.finetune, work.settings.data, work.settings.max_drop
    for folder in (finetune, data):
        if folder is not None:
            labelled = work.labelled(folder)
            work.report(labelled.order)
            if folder is finetune:
                check_enough(labelled)
            elif max_drop is not None:
                for note in notes_on_resolution(labelled.count, max_drop):
                    work.report(f"WARNING: {note}")


def _images(work: Work) -> QuantizationImages:
    settings = work.settings
    if settings.calibration is not None or settings.recipe is None:
        return parted(work.calibration_images())
    if settings.max_drop is not None:
        raise SettingsError(
            "--max-drop corrects biases again: give --calibration DIR as well, with the images of the recipe"
        )
    check_images(work.origin.metadata, work.origin.called, "--recipe without --calibration")
    return bundled(work.origin.metadata.preprocessing)


def _notes(work: Work, images: QuantizationImages) -> tuple[str, ...]:
    """Notes on the network and the images before quantization."""
    if not images.judged:
        return (
            (
                "the proof on the bundled photographs shows that the file computes what the recipe says; "
                "give --calibration DIR to compare it with float on images like those it will see"
            ),
        )
    origin = work.origin
    notes = () if origin.metadata.is_classifier else notes_on_few(images)
    if not origin.random and origin.metadata.is_classifier:
        notes += notes_on_quiet_layers(origin.network, images.found_on.images, "the calibration images")
    if work.settings.data is not None:
        data = work.labelled(work.settings.data)
        notes += notes_on_likeness(images.found_on, data, origin.metadata.preprocessing)
    return notes
