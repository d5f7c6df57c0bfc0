"""Recipes: how to train, as small TOML files that come with the package or that a user writes."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerRecipe:
    """The optimizer and its learning rate.

    Attributes:
        name: "sgd" (with Nesterov momentum if `nesterov`) or "adamw".
        lr: learning rate at `lr_batch_size` images a step; it is scaled in proportion to the batch.
        lr_batch_size: images a step that `lr` is for.
        momentum: of SGD.
        nesterov: of SGD.
        weight_decay: of weights.
        decay_norms: whether norms and biases decay as well.
        clip_norm: largest norm of the gradient of all weights; None does not clip.
    """

    name: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.1
    lr_batch_size: int = 64
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    decay_norms: bool = False
    clip_norm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRecipe:
    """How long to train, and how the learning rate changes.

    Attributes:
        epochs: passes over the training images.
        warmup_epochs: epochs in which the rate rises linearly from near zero; may be a fraction.
        final: last rate as a share of the first; the rate falls as a half cosine.
        patience: epochs without a better validation accuracy after which training stops; None never stops.
        head_epochs: epochs at the start that train only a replaced head, with the rest frozen.
        layer_decay: factor of the rate for each block further from the head; 1 trains all alike.
    """

    epochs: int = 100
    warmup_epochs: float = 0.0
    final: float = 0.0
    patience: int | None = None
    head_epochs: int = 0
    layer_decay: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationRecipe:
    """Random changes of training images. Zero, or an empty range, leaves a change out.

    Attributes:
        crop_area: smallest and largest share of the image's area that a random crop takes; (1, 1) takes the
            image as in evaluation.
        crop_ratio: smallest and largest width of a crop divided by its height.
        mirror: whether half of the images are mirrored left to right.
        turn_degrees: largest rotation.
        scale: largest relative change of size.
        shift: largest shift as a share of the width.
        brightness: largest relative change.
        contrast: largest relative change.
        saturation: largest relative change.
        hue: largest change as a share of the colour circle, up to 0.5.
        erase: share of images in which a random rectangle is erased.
        mixup: parameter of the beta distribution that mixes pairs of images.
    """

    crop_area: tuple[float, float] = (1.0, 1.0)
    crop_ratio: tuple[float, float] = (0.75, 1.3333)
    mirror: bool = False
    turn_degrees: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    erase: float = 0.0
    mixup: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides how a network is trained, but for its images and its start.

    Attributes:
        input_size: side of the images in pixels, where neither the user nor a checkpoint states one.
        crop: share of an image's short side that evaluation keeps, where no checkpoint states one.
        batch_size: images a step, over all processes.
        label_smoothing: share of the target that all classes share.
        balanced: whether each class is drawn equally often.
        dropout: of the head; None takes the variant's own.
        ema_decay: decay a step of the averaged weights, reached after a warm-up; None averages nothing.
        sync_norms: whether batch norms use the whole batch of all processes.
        distill_weight: share of the loss that comes from a teacher, if there is one.
        distill_temperature: temperature of both softmaxes in that loss.
        variants: other values by variant, as dotted names: {"m3": {"optimizer.weight_decay": 4e-5}}.
    """

    input_size: int = 128
    crop: float = 1.0
    batch_size: int = 64
    label_smoothing: float = 0.0
    balanced: bool = False
    dropout: float | None = None
    ema_decay: float | None = None
    sync_norms: bool = True
    distill_weight: float = 0.5
    distill_temperature: float = 2.0
    optimizer: OptimizerRecipe = field(default_factory=OptimizerRecipe)
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    augmentation: AugmentationRecipe = field(default_factory=AugmentationRecipe)
    variants: dict[str, dict[str, float | int | bool]] = field(default_factory=dict)
