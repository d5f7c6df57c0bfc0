"""`micronet-edge verify`: the proof once more, for any file."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import KernelsOption


@one_line_errors
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An exported file.")],
    *,
    checkpoint: Annotated[Path, typer.Option(help="The checkpoint it was made from.")],
    calibration: Annotated[
        Path | None, typer.Option(help="Images to compare an int8 file on: a folder, .npy or .npz.")
    ] = None,
    kernels: KernelsOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the proof as JSON.")] = False,
    debug: Annotated[bool, typer.Option(help="Show the traceback of an error.")] = False,
) -> None:
    """Prove again that a file computes the same function as its checkpoint."""
    del debug  # read by one_line_errors
    from micronet_edge.kernels import in_words
    from micronet_edge.models import load_checkpoint
    from micronet_edge.quantizing import prove_again
    from micronet_edge.targets import read_metadata, target_of
    from micronet_edge.verification import TOLERANCES, prove

    metadata = read_metadata(file)
    loaded = load_checkpoint(checkpoint, variant=metadata.variant, num_classes=len(metadata.labels))
    if metadata.precision in TOLERANCES:
        proof = prove(file, target_of(file), metadata, loaded.network, (kernels,))
    else:
        proof = prove_again(file, checkpoint, calibration, kernels)
    if as_json:
        typer.echo(json.dumps(asdict(proof), indent=2))
        return
    found = (
        f"largest difference {proof.relative_difference:.1e} of the largest logit"
        if metadata.precision in TOLERANCES
        else f"as closely as {metadata.precision} can: cosine of the logits {proof.cosine:.4f}"
    )
    typer.echo(
        f"{file}: same function as {checkpoint} on {proof.images} images, {found}, "
        f"same class on {proof.top1_agreement:.0%}"
    )
    typer.echo(in_words(proof.fused, kernels))
    if proof.weakness is not None:
        typer.echo(f"WEAK PROOF: {proof.weakness}", err=True)
    if metadata.checkpoint_sha256 != loaded.sha256:
        typer.echo(f"note: {file} was made from another file with the same weights", err=True)
