"""Measures the accuracy of an exported file or a checkpoint on a folder of labelled images."""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from micronet_edge.data.image_folders import LabelledImages, read_labelled
from micronet_edge.data.metadata import FileMetadata, check_classifier
from micronet_edge.errors import CheckpointError
from micronet_edge.evaluation.networks import (
    Named,
    describe_network,
    fused_activations,
    is_checkpoint,
    named,
    shown,
)
from micronet_edge.evaluation.predict import Question, Ranked, ask
from micronet_edge.models import FAMILY, Checkpoint
from micronet_edge.models.factories import Factory
from micronet_edge.models.source import Given, reload_checkpoint, reread_source
from micronet_edge.settings import EvaluateSettings
from micronet_edge.util.statistics import PairedDifference, Right, paired_difference, wilson_interval
from micronet_edge.util.text import listed

Classes = Int32[np.ndarray, " images"]

_FIVE = 5


@dataclass(frozen=True, slots=True)
class Share:
    """The number of correct images, and their share with its 95 % interval."""

    right: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: its images, the correct ones, and the class the others are most often confused with.

    `index` is its index among the network's outputs, `folder` the name of its images' folder.
    """

    index: int
    label: str
    folder: str | None
    images: int
    right: int
    mistaken_for: str | None
    mistaken: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The float network on the same images, and the difference of the evaluated one.

    `agreement` is the share of images for which both predict the same class. `difference` is the evaluated
    network's top-1 minus the float network's.
    """

    checkpoint: Path
    top1: Share
    agreement: float
    difference: PairedDifference
    answers: Classes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results, in total and per image.

    `answers` are the predicted classes, in the order of `data.paths`. `guesses` is the number of classes that
    `top5` considers: 5, or all if there are fewer. `fused` is the number of activations that ran in the fused
    kernels. `assumption` is what the file does not state and the tool assumes; `notes` say what else to know.
    """

    path: Path
    metadata: FileMetadata
    data: LabelledImages
    top1: Share
    top5: Share
    guesses: int
    classes: tuple[ClassRow, ...]
    comparison: Comparison | None
    fused: int
    assumption: str | None
    notes: tuple[str, ...]
    answers: Classes = field(repr=False, compare=False)

    @property
    def images(self) -> int:
        return self.data.count

    @property
    def right(self) -> Right:
        """For each image whether the prediction is correct, for paired differences."""
        right: Right = self.answers == np.asarray(self.data.classes)
        return right

    def summary(self) -> dict[str, object]:
        """Plain values for JSON, without the results per image."""
        found = self.comparison
        return {
            "file": str(self.path),
            "variant": self.metadata.variant,
            "precision": self.metadata.precision,
            "data": self.data.source,
            "images": self.images,
            "skipped": self.data.skipped,
            "top1": asdict(self.top1),
            "top5": {"guesses": self.guesses, **asdict(self.top5)},
            "comparison": None
            if found is None
            else {
                "checkpoint": str(found.checkpoint),
                "top1": asdict(found.top1),
                "agreement": found.agreement,
                "difference": asdict(found.difference),
            },
            "order": self.data.order,
            "classes": [asdict(row) for row in self.classes],
            "fused_activations": self.fused,
            "assumption": self.assumption,
            "notes": list(self.notes),
        }


def evaluate(
    source: Given,
    data: Path | str,
    *,
    checkpoint: Given | None = None,
    metadata: FileMetadata | None = None,
    settings: EvaluateSettings | None = None,
) -> Evaluation:
    """Measures the accuracy of a network on all images of a folder.

    Args:
        source: an exported file of any target, a checkpoint, a factory or a module, with its own labels and
            preprocessing.
        data: folder with one sub-folder of images per class, named as its label.
        checkpoint: the float network to compare with.
        metadata: of a module, its labels and preprocessing.
        settings: how to run it; the labels of any network; the preprocessing of a checkpoint or of another
            tool's file.

    Raises:
        MicronetEdgeError: a folder does not match the labels, an image is unreadable, or the checkpoint is
            of another network.
    """
    settings = settings or EvaluateSettings()
    network = named(source, settings.weights)
    reference = None
    if checkpoint is not None:
        reference = named(checkpoint, settings.weights if isinstance(network, Path) else None)
    if isinstance(reference, Factory) and isinstance(network, Path):
        settings = replace(settings, weights=None)  # they apply to the reference, which has loaded them
    described = describe_network(network, settings, metadata)
    metadata = described.metadata
    check_classifier(metadata, shown(network), "`evaluate`")
    notes = [*described.notes, *_notes_on_reference(network, metadata, reference)]
    images = read_labelled(
        Path(data),
        metadata.labels,
        labels_assumed=metadata.labels_assumed,
        skip_unreadable=settings.skip_unreadable,
    )
    question = Question(
        networks=(network,) if reference is None else (network, reference),
        preprocessing=metadata.preprocessing,
        classes=len(metadata.labels),
        best=min(_FIVE, len(metadata.labels)),
        kernels=settings.kernels,
        weights=metadata.weights,
        metadata=metadata,
    )
    ranked, *others = ask(question, images.paths, settings.processes, settings.progress)
    truth = np.asarray(images.classes, np.int32)
    answers = ranked[:, 0]
    return Evaluation(
        path=shown(network),
        metadata=metadata,
        data=images,
        top1=_share(answers == truth),
        top5=_share((ranked == truth[:, None]).any(1)),
        guesses=question.best,
        classes=_rows(images, truth, answers),
        comparison=None if reference is None else _compare(shown(reference), others[0], ranked, truth),
        fused=fused_activations(network, settings.kernels),
        assumption=described.assumption,
        notes=(*notes, *_notes_on_images(images)),
        answers=answers,
    )


def _share(right: Right) -> Share:
    count = int(right.sum())
    return Share(count, count / right.size, *wilson_interval(count, right.size))


def _rows(images: LabelledImages, truth: Classes, answers: Classes) -> tuple[ClassRow, ...]:
    return tuple(_row(images, place, answers[truth == place]) for place in range(len(images.labels)))


def _row(images: LabelledImages, place: int, answers: Classes) -> ClassRow:
    labels = images.labels
    wrong = Counter(sorted(answers[answers != place].tolist()))  # ties go to the first class
    mistaken = wrong.most_common(1)
    return ClassRow(
        index=place,
        label=labels[place],
        folder=images.folders.get(place),
        images=len(answers),
        right=int((answers == place).sum()),
        mistaken_for=labels[mistaken[0][0]] if mistaken else None,
        mistaken=mistaken[0][1] if mistaken else 0,
    )


def _compare(checkpoint: Path, theirs: Ranked, ours: Ranked, truth: Classes) -> Comparison:
    answers = theirs[:, 0]
    return Comparison(
        checkpoint=checkpoint,
        top1=_share(answers == truth),
        agreement=float((ours[:, 0] == answers).mean()),
        difference=paired_difference(ours[:, 0] == truth, answers == truth),
        answers=answers,
    )


def _notes_on_reference(network: Named, metadata: FileMetadata, reference: Named | None) -> list[str]:
    if reference is None:
        return []
    if isinstance(reference, Path):
        loaded = reload_checkpoint(reference, metadata)
        _check_reference(shown(network), metadata, loaded)
        sha256 = loaded.sha256
    else:
        sha256 = reread_source(reference, metadata).metadata.checkpoint_sha256 or ""
    if sha256 != metadata.checkpoint_sha256 and isinstance(network, Path) and not is_checkpoint(network):
        return [f"{network} was made from another checkpoint than {shown(reference)}"]
    return []


def _check_reference(path: Path, metadata: FileMetadata, reference: Checkpoint) -> None:
    """Raises CheckpointError unless both are of one variant and name the same classes."""
    # Names by other tools or users do not identify a variant.
    variant = metadata.variant if metadata.variant in FAMILY else reference.variant
    if (reference.variant, reference.num_classes) != (variant, len(metadata.labels)):
        raise CheckpointError(
            f"{reference.path} holds {reference.variant} with {reference.num_classes} classes, {path} "
            f"{metadata.variant} with {len(metadata.labels)}: give the checkpoint it was made from"
        )
    if reference.sha256 == metadata.checkpoint_sha256:  # then only `export --labels` can have renamed them
        return
    if reference.labels not in (None, metadata.labels):
        raise CheckpointError(
            f"{reference.path} and {path} have different labels ({listed(reference.labels or ())}; "
            f"{listed(metadata.labels)}): give the checkpoint it was made from"
        )


def _notes_on_images(images: LabelledImages) -> list[str]:
    notes = []
    if images.skipped:
        files = images.skipped + images.count
        notes.append(f"skipped because they are not readable images: {images.skipped} of {files} files")
    seen = set(images.classes)
    if unseen := [label for place, label in enumerate(images.labels) if place not in seen]:
        notes.append(f"no images of {len(unseen)} of {len(images.labels)} classes: {listed(unseen)}")
    return notes
