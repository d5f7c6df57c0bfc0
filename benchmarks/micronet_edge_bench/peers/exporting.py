"""Exports a peer by the code that exports a MicroNet, to the same formats and precisions, and proves it."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from micronet_edge.errors import SettingsError
from micronet_edge.image_folders import CalibrationImages, read_calibration
from micronet_edge.lowering import Lowered, lower
from micronet_edge.lowering.group_pixels import GroupPixels
from micronet_edge.manifest import manifest_path, write_manifest
from micronet_edge.metadata import FileMetadata
from micronet_edge.quantization.quantize_network import (
    calibrated_recipe,
    corrected_biases,
    quantized_by,
    some_images,
    with_tensors,
)
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import INT8
from micronet_edge.quantization.rewrite_quantized import rewritten
from micronet_edge.staging import staged
from micronet_edge.targets import FLOAT32, ExportSpec, Target, find_target
from micronet_edge.threads import one_thread
from micronet_edge.verification import Proof, prove, prove_quantized
from micronet_edge.written_files import manifest_settings
from micronet_edge_bench.peers.building import CLASSES, PREPROCESSING, SIZE, random_peer
from micronet_edge_bench.peers.forms import KEEPS_COMMON_FORM, KEEPS_HARD_SWISH, pipeline

_PRECISIONS = (FLOAT32, INT8)


def export_peer(
    name: str,
    file_format: str,
    precision: str,
    folder: Path,
    calibration: Path | None = None,
    io: str = FLOAT32,
) -> Path:
    """Writes a peer with random weights as one proven file, with its manifest beside it.

    Given    a name of `PEERS`, a target's name, float32 or int8; int8 needs `calibration`, a folder of
             images or a file of arrays; `io` is what a TFLite int8 file takes and gives
    Result   the file; an older one of that name is replaced
    Raises   MicronetEdgeError of the kind that fits; no file is left under its final name then.
    """
    if precision not in _PRECISIONS:
        raise SettingsError(f"peers are written in {' and '.join(_PRECISIONS)}, not {precision}")
    target, spec = find_target(file_format), _spec(name, precision, io)
    target.check(spec)
    images = None if precision == FLOAT32 else _calibration_images(calibration)
    network = random_peer(name)
    file = f"{name}-random-{precision}{target.suffix}"
    with staged(folder, [file, manifest_path(Path(file)).name], overwrite=True) as within, one_thread():
        path = within / file
        lowered = lower(network, pipeline(file_format, precision), SIZE)
        if images is None:
            proof = _write_float(path, target, spec, network, lowered)
        else:
            proof = _write_integers(path, target, spec, network, lowered, images)
        write_manifest(
            path,
            checkpoint=None,
            metadata=target.read_metadata(path),
            settings=manifest_settings(spec),
            applied=lowered.applied,
            proof=proof,
        )
    return folder / file


def _spec(name: str, precision: str, io: str) -> ExportSpec:
    metadata = FileMetadata(
        variant=name,
        labels=tuple(str(number) for number in range(CLASSES)),
        preprocessing=PREPROCESSING,
        checkpoint_sha256=None,
        precision=precision,
    )
    return ExportSpec(
        input_size=SIZE,
        batch=1,
        naive=False,
        portable=False,
        metadata=metadata,
        precision=precision,
        io=io,
    )


def _calibration_images(calibration: Path | None) -> CalibrationImages:
    if calibration is None:
        raise SettingsError("an int8 file needs images to calibrate on: give a folder or a file of arrays")
    return read_calibration(calibration, PREPROCESSING)


def _write_float(path: Path, target: Target, spec: ExportSpec, network: nn.Module, lowered: Lowered) -> Proof:
    target.export(lowered.network, spec, path)
    return prove(path, target, target.read_metadata(path), network)


def _write_integers(
    path: Path,
    target: Target,
    spec: ExportSpec,
    network: nn.Module,
    lowered: Lowered,
    images: CalibrationImages,
) -> Proof:
    written = _quantized(target, spec, lowered, images)
    target.quantize(written, spec, path)
    if target.name in KEEPS_HARD_SWISH:
        _join_hard_swishes(path)
    return prove_quantized(path, target, target.read_metadata(path), network, written, images.images)


def _quantized(
    target: Target, spec: ExportSpec, lowered: Lowered, images: CalibrationImages
) -> QuantizedNetwork:
    recipe = calibrated_recipe(lowered.network, images, spec.metadata, spec.precision)
    form = quantized_by(recipe, lowered.network, spec.metadata)
    common = target.name in KEEPS_COMMON_FORM
    form = rewritten(form, GroupPixels()) if common else target.integer_form(form)
    biases = corrected_biases(form, some_images(images))
    return replace(form, network=with_tensors(form.network, biases))


def _join_hard_swishes(path: Path) -> None:
    import onnx

    from micronet_edge_bench.peers.join_hard_swish import join_hard_swishes

    model = onnx.load(path)
    join_hard_swishes(model)
    onnx.save(model, path)
