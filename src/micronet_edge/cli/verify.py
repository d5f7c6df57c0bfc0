"""`micronet-edge verify`: repeats the proof for any exported file."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import DebugOption, FactoryWeightsOption, KernelsOption
from micronet_edge.cli.progress import say_what_runs
from micronet_edge.util.terminal import say, say_json
from micronet_edge.util.text import plural


@one_line_errors
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An exported file.")],
    *,
    checkpoint: Annotated[
        Path,
        typer.Option(metavar="NETWORK", help="Checkpoint or factory that FILE was made from."),
    ],
    weights: FactoryWeightsOption = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Images to compare an int8 FILE on: a folder, .npy or .npz.")
    ] = None,
    kernels: KernelsOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the proof as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Prove that an exported file computes the same function as its checkpoint."""
    del debug  # one_line_errors reads it
    from micronet_edge.targets.isolation import expect

    expect(file)  # starts the process that opens the file while this one imports PyTorch
    from micronet_edge.kernels import describe
    from micronet_edge.models.own_networks import with_weights
    from micronet_edge.pipeline.prove_again import prove_again
    from micronet_edge.verification.prove import TOLERANCES

    say_what_runs(checkpoint)
    again = prove_again(file, with_weights(checkpoint, weights), calibration, kernels)
    proof, metadata = again.proof, again.metadata
    if as_json:
        say_json(asdict(proof))
        return
    found = (
        f"largest difference {proof.relative_difference:.1e} relative to the largest logit"
        if metadata.precision in TOLERANCES
        else f"within {metadata.precision} precision: cosine of the logits {proof.cosine:.4f}"
    )
    say(
        f"{file}: same function as {checkpoint} on {plural(proof.images, 'image')}, {found}, "
        f"same class on {proof.top1_agreement:.0%}"
    )
    say(describe(proof.fused, kernels))
    if proof.weakness is not None:
        say(f"WEAK PROOF: {proof.weakness}", err=True)
    if not again.same_checkpoint:
        say(f"note: {file} was made from another file with the same weights", err=True)
