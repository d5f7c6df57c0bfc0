"""What a trained network made of its validation images: right, wrong, and what it confused."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from micronet_edge.training.events import Fitted
from micronet_edge.util.statistics import wilson_interval

Matrix = Int64[np.ndarray, "classes classes"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Right images of all, and their share with its 95 % interval."""

    images: int
    right: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassResult:
    """One class: its images in both parts, and the class its mistakes went to most often.

    `accuracy` is None for a class without validation images.
    """

    label: str
    training_images: int
    accuracy: Accuracy | None
    confused_with: str | None
    confused: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of one class that were taken for another."""

    label: str
    taken_for: str
    images: int
    share: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong validation image: its number, both labels, and the probability of the wrong one."""

    index: int
    label: str
    taken_for: str
    probability: float


def accuracy(fitted: Fitted) -> Accuracy:
    """The accuracy on all validation images."""
    matrix = confusion_matrix(fitted)
    return _accuracy(int(matrix.trace()), int(matrix.sum()))


def confusion_matrix(fitted: Fitted) -> Matrix:
    """How many images of each class (rows) were taken for each class (columns)."""
    classes = len(fitted.plan.dataset.labels)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (_truth(fitted), _answers(fitted)), 1)
    return matrix


def class_results(fitted: Fitted) -> tuple[ClassResult, ...]:
    """The results by class, in the order of the labels."""
    dataset = fitted.plan.dataset
    trained = np.bincount(np.asarray(dataset.train.classes, np.int64), minlength=len(dataset.labels))
    matrix = confusion_matrix(fitted)
    return tuple(
        _class_result(dataset.labels, int(trained[number]), number, matrix[number])
        for number in range(len(dataset.labels))
    )


def confusions(fitted: Fitted, most: int) -> tuple[Confusion, ...]:
    """The pairs of classes that were confused most often, at most so many."""
    labels, matrix = fitted.plan.dataset.labels, confusion_matrix(fitted)
    images = matrix.sum(1)
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(labels)) for place in order]
    return tuple(
        Confusion(
            labels[one], labels[other], int(matrix[one, other]), float(matrix[one, other] / images[one])
        )
        for one, other in pairs
        if matrix[one, other]
    )


def worst_mistakes(fitted: Fitted, most: int) -> tuple[Mistake, ...]:
    """The wrong images whose wrong class has the highest probability, at most so many."""
    labels, truth, answers = fitted.plan.dataset.labels, _truth(fitted), _answers(fitted)
    certainty = fitted.probabilities.max(1)
    wrong = np.flatnonzero(truth != answers)
    order = wrong[np.argsort(-certainty[wrong], kind="stable")][:most]
    return tuple(
        Mistake(int(index), labels[truth[index]], labels[answers[index]], float(certainty[index]))
        for index in order
    )


def _truth(fitted: Fitted) -> Int64[np.ndarray, " images"]:
    return np.asarray(fitted.plan.dataset.validation.classes, np.int64)


def _answers(fitted: Fitted) -> Int64[np.ndarray, " images"]:
    return np.asarray(fitted.probabilities.argmax(1), np.int64)


def _accuracy(right: int, images: int) -> Accuracy:
    return Accuracy(images, right, right / images, *wilson_interval(right, images))


def _class_result(
    labels: tuple[str, ...], trained: int, number: int, row: Int64[np.ndarray, " classes"]
) -> ClassResult:
    images, right = int(row.sum()), int(row[number])
    wrong = row.copy()
    wrong[number] = 0
    confused = int(wrong.max())
    return ClassResult(
        label=labels[number],
        training_images=trained,
        accuracy=_accuracy(right, images) if images else None,
        confused_with=labels[int(wrong.argmax())] if confused else None,
        confused=confused,
    )
