"""A job: a network, its metadata and how to write its files; and the state that every step needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from micronet_edge.data.calibration_notes import class_notes
from micronet_edge.data.image_folders import CalibrationImages, LabelledImages, read_labelled
from micronet_edge.data.metadata import FileMetadata, check_classifier
from micronet_edge.data.samples import ProofSamples, default_samples, read_calibration_of, read_samples
from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.tuning import SHIPPED, read_tuning
from micronet_edge.models import FAMILY
from micronet_edge.models.factories import Factory
from micronet_edge.models.own_networks import own_network
from micronet_edge.models.scores import giving
from micronet_edge.models.source import Given, Source, read_source, stem_of
from micronet_edge.settings import ExportSettings, QuantizeSettings
from micronet_edge.targets.common import check_ends, check_memory, check_precision, check_provable
from micronet_edge.targets.protocol import FLOAT32, Ends, ExportSpec, Memory, Target
from micronet_edge.targets.registry import cost_tables, find_target, for_runtime
from micronet_edge.util.atomic_write import check_output
from micronet_edge.util.limits import BATCH
from micronet_edge.util.text import listed
from micronet_edge.util.user_files import paths_beside

Report = Callable[[str], None]


def unheard(_step: str) -> None:
    """A report that goes nowhere."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to write, before anything is read.

    Attributes:
        source: a variant's name, a checkpoint's path, a factory or a module.
        checkpoint: the weights of a variant.
        metadata: name, labels and preprocessing of a module.
        report: called with each step as it begins.
    """

    source: Given
    settings: QuantizeSettings
    metadata: FileMetadata | None = None
    checkpoint: str | Path | None = None
    report: Report = unheard

    def targets(self) -> tuple[Target, ...]:
        """The requested formats, without repetition."""
        return tuple(
            for_runtime(
                find_target(each) if isinstance(each, str) else cast("Target", each), self.settings.runtime
            )
            for each in dict.fromkeys(self.settings.formats)
        )

    def check_names(self, suffixes: Sequence[str]) -> None:
        """Checks the files' names before the network is read.

        Raises SettingsError on a batch out of range or a name that is not UTF-8; OutputError if the folder
        cannot take the files.
        """
        settings = self.settings
        if settings.batch is not None:
            BATCH.check(settings.batch)
        own = self._stem()
        if own is None:
            return
        if any("\ud800" <= letter <= "\udfff" for letter in own):  # LiteRT accepts UTF-8 names only
            raise SettingsError(f"{self.checkpoint or self.source} has a name that is not UTF-8: rename it")
        names = [_with_settings(own, settings) + suffix for suffix in suffixes]
        files = [Path(name) for name in names if not name.endswith(".json")]
        names += [beside.name for file in files for beside in paths_beside(file)]
        check_output(Path(settings.output), names, overwrite=settings.overwrite)

    def _stem(self) -> str | None:
        """The start of the files' names, if it is known before the network is read."""
        own = own_network(self.source, self.settings.weights)
        if own is None:
            random = self.checkpoint is None and str(self.source) in FAMILY
            return stem_of(str(self.source), Path(str(self.checkpoint or self.source)), random=random)
        if self.metadata is not None:
            return stem_of(self.metadata.variant, None, random=self.metadata.checkpoint_sha256 is None)
        if isinstance(own, Factory):
            return stem_of(own.name, own.weights, random=False)
        return None


@dataclass(frozen=True, slots=True)
class Work:
    """A job after its network is read: everything its steps need.

    `spec` says what to write; it is the same for every format.
    """

    origin: Source
    settings: QuantizeSettings
    targets: tuple[Target, ...]
    spec: ExportSpec
    report: Report = field(default=unheard)

    @classmethod
    def of(cls, job: Job, targets: tuple[Target, ...]) -> "Work":
        """Reads the job's network.

        Raises CheckpointError or SettingsError if it cannot be read, TargetError if a format cannot
        express it.
        """
        read = read_source(job.source, job.checkpoint, job.settings, job.metadata)
        origin = giving(read, job.settings.scores)
        work = cls(origin, job.settings, targets, export_spec(origin, job.settings), job.report)
        if unused := set(work.spec.tuning.tables) - set(cost_tables()):
            work.report(f"WARNING: no installed format has the tables {listed(sorted(unused))}: not used")
        if job.settings.arduino and not any(getattr(target, "packs_arduino", False) for target in targets):
            raise SettingsError("--arduino packs C files: give --format c, or leave --arduino out")
        check_ends(work.spec)
        check_provable(targets, unproven=job.settings.unproven)
        for target in targets:
            check_precision(target, work.spec)
            check_memory(target, work.spec)
            target.check(work.spec)
        return work

    @property
    def output(self) -> Path:
        return Path(self.settings.output)

    @property
    def names(self) -> dict[str, str]:
        """The names of the files, by target."""
        stem = _with_settings(self.origin.stem, self.settings)
        return {target.name: stem + target.suffix for target in self.targets}

    @property
    def inputs(self) -> list[Path]:
        """The files that the job reads; no output may replace them."""
        settings = self.settings
        own = (settings.labels, settings.calibration, settings.samples, settings.tuning)
        given = (self.origin.checkpoint, *own)
        return [Path(path) for path in given if path is not None]

    def calibration_images(self) -> CalibrationImages:
        """Reads the images to calibrate on.

        Raises SettingsError if none are given or they are unsuitable.
        """
        settings, metadata = self.settings, self.origin.metadata
        if settings.calibration is None:
            of_images, of_arrays = ("images", "DIR, a folder"), ("arrays", "FILE, a .npy or .npz file")
            what, place = of_images if metadata.takes_images else of_arrays
            raise SettingsError(
                f"precision {settings.precision} needs calibration {what} like those the network will see: "
                f"give --calibration {place} with about 200 of them"
            )
        folder = Path(settings.calibration)
        images = read_calibration_of(metadata, folder, skip_unreadable=settings.skip_unreadable)
        notes = class_notes(folder, metadata.labels) if metadata.is_classifier else []
        return replace(images, notes=(*images.notes, *notes))

    def proof_samples(self) -> ProofSamples:
        """Reads the samples to prove a float file on: the user's, else photographs, or noise for arrays.

        Raises SettingsError if they are unsuitable.
        """
        settings, metadata = self.settings, self.origin.metadata
        if settings.samples is None:
            return default_samples(metadata)
        return read_samples(Path(settings.samples), metadata, skip_unreadable=settings.skip_unreadable)

    def labelled(self, folder: Path | str) -> LabelledImages:
        """Reads a folder of images of the network's classes.

        Raises SettingsError if it does not match the labels or an image cannot be read.
        """
        metadata = self.origin.metadata
        check_classifier(metadata, self.origin.called, f"{folder}, labelled images,")
        return read_labelled(
            Path(folder),
            metadata.labels,
            labels_assumed=metadata.labels_assumed,
            skip_unreadable=self.settings.skip_unreadable,
        )

    def manifest_settings(self) -> dict[str, object]:
        """The settings for the manifest."""
        spec = self.spec
        return {
            "input_size": spec.input_size,
            "batch": "dynamic" if spec.batch is None else spec.batch,
            "precision": spec.precision,
            "io": spec.ends.io,
            "pixels": spec.ends.pixels,
            "scores": spec.ends.scores,
            "layout": spec.ends.layout or "default",
            "naive": spec.naive,
            "portable": spec.portable,
            "fused": spec.fused,
            "for": spec.runtime,
            "tuning": spec.tuning.machine,
        }


def export_spec(origin: Source, settings: ExportSettings) -> ExportSpec:
    """Says what to write; the same for every format.

    Raises SettingsError on a tuning that cannot be read.
    """
    return ExportSpec(
        input_size=origin.metadata.preprocessing.size,
        batch=settings.batch,
        naive=settings.naive,
        portable=settings.portable,
        metadata=replace(
            origin.metadata,
            naive=settings.naive,
            portable=settings.portable,
            precision=settings.precision,
            runtime=settings.runtime,
        ),
        precision=settings.precision,
        ends=Ends(
            settings.io,
            settings.pixels,
            settings.scores,
            None if settings.layout is None else settings.layout.upper(),
        ),
        fused=settings.fused,
        memory=Memory(settings.sram, settings.weights_section),
        runtime=settings.runtime,
        arduino=settings.arduino,
        tuning=SHIPPED if settings.tuning is None else read_tuning(settings.tuning),
    )


def _with_settings(stem: str, settings: ExportSettings) -> str:
    """The files' name without the format's suffix.

    Files with other inputs or outputs have other names, since an app cannot swap one for the other. So
    have files for other runtimes, which hold other integers.
    """
    parts = {
        "naive": settings.naive,
        settings.precision: True,
        settings.runtime: settings.runtime != "default",
        f"io-{settings.io}": settings.io != FLOAT32,
        settings.pixels: settings.pixels != "normalized",
        settings.scores: settings.scores != "logits",
        str(settings.layout): settings.layout is not None,
    }
    return "-".join([stem, *(part for part, differs in parts.items() if differs)])
