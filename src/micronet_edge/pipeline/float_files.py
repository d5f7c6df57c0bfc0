"""Float files: of the lowered network, or naive ones of the network as trained."""

from pathlib import Path

import torch
from torch import Tensor, nn

from micronet_edge.data.pixels import as_taken
from micronet_edge.errors import SettingsError
from micronet_edge.kernels import Kernels, library
from micronet_edge.lowering import Applied, lower
from micronet_edge.lowering.passes.round_to_half import with_half_weights
from micronet_edge.pipeline.job import Work
from micronet_edge.pipeline.method import WithoutRecipe, Written
from micronet_edge.pipeline.probe import probe_of
from micronet_edge.settings import QuantizeSettings
from micronet_edge.targets.protocol import FLOAT16, Target
from micronet_edge.verification.conversion_check import check_conversion_on
from micronet_edge.verification.prove import FileToProve, Proof, prove


class FloatFiles(WithoutRecipe):
    """Lowers the network for each target; a naive file contains it as trained."""

    def __init__(self, work: Work) -> None:
        if work.settings.calibration is not None:
            raise SettingsError("--calibration applies to integer files only: give --precision int8 as well")
        self._work, self._samples = work, work.proof_samples()

    @staticmethod
    def check(settings: QuantizeSettings) -> None:
        """Accepts all settings: other precisions have other methods."""

    def prepare(self, folder: Path) -> None:
        """Does nothing: each target has its own pipeline."""

    def write(self, target: Target, path: Path) -> Written:
        work = self._work
        network: nn.Module = work.origin.network
        applied: tuple[Applied, ...] = ()
        if not work.spec.naive:
            work.report(f"{target.name}: lowering the network")
            probe = probe_of(work.origin.metadata, self._samples.inputs)
            lowered = lower(network, target.pipeline(work.spec), probe)
            network, applied = lowered.network, lowered.applied
        if work.spec.precision == FLOAT16:
            network = with_half_weights(network)
        work.report(f"{target.name}: writing the file")
        target.export(network, work.spec, path)
        return Written(network, applied)

    def prove(self, file: FileToProve, written: Written) -> Proof:
        self._work.report(f"{file.target.name}: proving that it computes the same function")
        self._check_conversion(file, written.network)
        # An app that registers the fused kernels runs the file in them.
        kinds: tuple[Kernels, ...] = ("off",) if library() is None else ("off", "auto")
        return prove(file, self._work.origin.network, kinds, self._samples)

    def _check_conversion(self, file: FileToProve, network: nn.Module) -> None:
        """Compares the file with the lowered network that was written into it, on noise as well."""

        def on_taken(*inputs: Tensor) -> object:
            taken = as_taken(tuple(each.numpy() for each in inputs), file.metadata)
            return network(*map(torch.from_numpy, taken))

        check_conversion_on(
            file.path.name,
            on_taken,
            lambda *inputs: file.outputs("off", inputs),
            inputs=self._samples.inputs,
            batch=self._work.spec.batch or 1,
        )
