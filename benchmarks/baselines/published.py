"""Published figures of the baselines; not measured here."""

from dataclasses import dataclass
from types import MappingProxyType

_MOBILENET_V3 = "arXiv 1905.02244, table 3"
_MICRONET = "arXiv 2108.05894, which quotes MobileNetV3-Small of that size"
_PP_LCNET = "PaddleClas, docs/en/models/PP-LCNet_en.md"


@dataclass(frozen=True, slots=True)
class Published:
    """Top-1 on ImageNet at 224 px in percent, multiply-adds and parameters in millions, and their source.

    With `norms_counted` the multiply-adds include, beside those of convolutions and linear layers, two
    operations per output of a batch norm. Parameters are None if they are not published.
    """

    top1: float
    madds_millions: float
    params_millions: float | None
    source: str
    norms_counted: bool = False


PUBLISHED = MappingProxyType(
    {
        # PaddleClas trains this width with a head of 1280, 15 M multiply-adds and 1.7 M parameters to 53.0.
        "mobilenet-v3-small-0.35": Published(49.8, 12, None, _MICRONET),
        "mobilenet-v3-small-0.5": Published(58.0, 21, None, _MICRONET),
        "mobilenet-v3-small-0.75": Published(65.4, 44, 2.0, _MOBILENET_V3),
        "mobilenet-v3-small-1.0": Published(67.4, 56, 2.5, _MOBILENET_V3),
        "pp-lcnet-0.25": Published(51.86, 18, 1.5, _PP_LCNET, norms_counted=True),
        "pp-lcnet-0.35": Published(58.09, 29, 1.6, _PP_LCNET, norms_counted=True),
        # 66.10 with distillation from a larger network.
        "pp-lcnet-0.5": Published(63.14, 47, 1.9, _PP_LCNET, norms_counted=True),
    }
)
