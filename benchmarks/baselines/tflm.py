"""What the networks take in TensorFlow Lite Micro: quoted figures, not measured here."""

from types import MappingProxyType

SOURCE = (
    "TensorFlow Lite Micro of 2026 with CMSIS-NN, built with -O3, on the TFLite files of `--precision int8 "
    "--io int8` with 1,000 classes; measured once with the same emulators, outside this repository"
)

TFLM = MappingProxyType(
    {
        ("m0", 96): (31.9, 16.3),
        ("m1", 96): (41.5, 21.6),
        ("m2", 96): (101.8, 56.4),
        ("mobilenet-v3-small-0.35", 96): (27.4, 13.7),
        ("mobilenet-v3-small-0.5", 96): (37.7, 18.6),
        ("pp-lcnet-0.25", 96): (34.9, 18.2),
        ("pp-lcnet-0.35", 96): (48.4, 25.1),
        ("m0", 224): (144.7, 72.6),
        ("m1", 224): (186.2, 98.0),
        ("m2", 224): (478.6, 264.8),
        ("mobilenet-v3-small-0.35", 224): (135.9, 70.3),
        ("mobilenet-v3-small-0.5", 224): (188.7, 96.7),
        ("pp-lcnet-0.25", 224): (176.0, 94.6),
        ("pp-lcnet-0.35", 224): (248.5, 132.0),
    }
)
"""Millions of instructions on a Cortex-M4 and on a Cortex-M55, by network and side of the image in pixels."""
