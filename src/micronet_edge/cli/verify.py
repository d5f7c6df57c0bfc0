"""`micronet-edge verify`: repeats the proof for any exported file."""

from pathlib import Path
from typing import Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import DebugOption, FactoryWeightsOption, KernelsOption
from micronet_edge.cli.progress import say_what_runs, waiting
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
        Path | None, typer.Option(help="Images or arrays to compare an int8 FILE on: a folder, .npy or .npz.")
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            help="Images or arrays to compare a float FILE on.",
            show_default="bundled photographs; noise for inputs that are no images",
        ),
    ] = None,
    kernels: KernelsOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print the proof as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Prove that an exported file computes the same function as its checkpoint."""
    del debug  # one_line_errors reads it
    from micronet_edge.targets.isolation import expect

    expect(file)  # starts the process that opens the file while this one imports PyTorch
    with waiting(f"comparing {file} with {checkpoint}"):
        from micronet_edge.kernels import describe
        from micronet_edge.models.own_networks import with_weights
        from micronet_edge.pipeline.prove_again import ProofInputs, prove_again
        from micronet_edge.verification.outputs import TOLERANCES

        say_what_runs(checkpoint)
        given = ProofInputs(calibration, samples)
        again = prove_again(file, with_weights(checkpoint, weights), given, kernels)
    proof, metadata = again.proof, again.metadata
    if as_json:
        say_json(proof.values())
        return
    outputs = "logits" if metadata.is_classifier else "outputs"
    of = "logit" if metadata.is_classifier else "value of its output"
    found = (
        f"largest difference {proof.relative_difference:.1e} relative to the largest {of}"
        if metadata.precision in TOLERANCES
        else f"within {metadata.precision} precision: cosine of the {outputs} {proof.cosine:.4f}"
    )
    same = "" if proof.top1_agreement is None else f", same class on {proof.top1_agreement:.0%}"
    things = plural(proof.images, "image" if metadata.takes_images else "sample")
    say(f"{file}: same function as {checkpoint} on {things}, {found}{same}")
    for output in proof.outputs:
        say(str(output))
    say(describe(proof.fused, kernels))
    if proof.weakness is not None:
        say(f"WEAK PROOF: {proof.weakness}", err=True)
    if not again.same_checkpoint:
        say(f"note: {file} was made from another file with the same weights", err=True)
