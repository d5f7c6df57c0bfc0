"""All the networks, with what they take and give."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from networks_of_users import (
    autoencoder,
    convnext,
    densenet,
    efficientnet,
    ghostnet,
    image_and_vector,
    keypoints,
    mlp_mixer,
    mobilenet_v3_small,
    mobileone,
    pp_lcnet,
    pyramid_detector,
    resnet18,
    sensor_1d,
    shufflenet_v2,
    spectrogram,
    squeezenet,
    tiny_vit,
    transformer_encoder,
    unet,
    yolo_neck,
)

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UserNetwork:
    """A network of a user's.

    `inputs` are the shapes without the batch, by name; a classifier gives one number per class.
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: dict[str, Shape]
    outputs: tuple[str, ...]

    @property
    def is_classifier(self) -> bool:
        """Whether it gives one number per class of an image."""
        return self.outputs == _LOGITS and tuple(self.inputs) == ("image",)


_LOGITS = ("logits",)


def _classifier(name: str, build: Callable[[], nn.Module], shape: Shape) -> UserNetwork:
    return UserNetwork(name, build, {"image": shape}, _LOGITS)


NETWORKS = (
    _classifier("mobilenet-v3-small", mobilenet_v3_small.build, mobilenet_v3_small.IMAGE),
    _classifier("pp-lcnet", pp_lcnet.build, pp_lcnet.IMAGE),
    _classifier("resnet-18", resnet18.build, resnet18.IMAGE),
    _classifier("ghostnet", ghostnet.build, ghostnet.IMAGE),
    _classifier("mobileone", mobileone.build, mobileone.IMAGE),
    _classifier("mobileone-merged", mobileone.build_merged, mobileone.IMAGE),
    _classifier("convnext", convnext.build, convnext.IMAGE),
    _classifier("vit", tiny_vit.build, tiny_vit.IMAGE),
    _classifier("vit-by-hand", tiny_vit.build_by_hand, tiny_vit.IMAGE),
    _classifier("transformer-encoder", transformer_encoder.build, transformer_encoder.IMAGE),
    UserNetwork(
        "sequence-tagger",
        transformer_encoder.build_tagger,
        {"sequence": transformer_encoder.SEQUENCE},
        ("tags",),
    ),
    UserNetwork("unet-transposed", unet.build_transposed, {"image": unet.IMAGE}, ("mask",)),
    UserNetwork("unet-upsample", unet.build_upsample, {"image": unet.ODD_IMAGE}, ("mask",)),
    _classifier("efficientnet", efficientnet.build, efficientnet.IMAGE),
    _classifier("shufflenet-v2", shufflenet_v2.build, shufflenet_v2.IMAGE),
    UserNetwork(
        "pyramid-detector", pyramid_detector.build, {"image": pyramid_detector.IMAGE}, ("boxes", "scores")
    ),
    UserNetwork("keypoints", keypoints.build, {"image": keypoints.IMAGE}, ("heatmaps", "offsets")),
    UserNetwork("spectrogram", spectrogram.build, {"spectrogram": spectrogram.SPECTROGRAM}, ("words",)),
    UserNetwork(
        "image-and-vector",
        image_and_vector.build,
        {"image": image_and_vector.IMAGE, "state": image_and_vector.STATE},
        ("actions", "value"),
    ),
    UserNetwork("sensor-1d", sensor_1d.build, {"window": sensor_1d.WINDOW}, ("activities",)),
    UserNetwork("autoencoder", autoencoder.build, {"image": autoencoder.IMAGE}, ("picture", "code")),
    _classifier("densenet", densenet.build, densenet.IMAGE),
    UserNetwork("yolo-neck", yolo_neck.build, {"image": yolo_neck.IMAGE}, ("small", "medium", "large")),
    _classifier("mlp-mixer", mlp_mixer.build, mlp_mixer.IMAGE),
    _classifier("squeezenet", squeezenet.build, squeezenet.IMAGE),
)
