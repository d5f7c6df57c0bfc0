"""Converter baseline: integer files that the usual converters write from the network as trained."""

from pathlib import Path

from micronet_edge.data.metadata import check_images
from micronet_edge.errors import SettingsError
from micronet_edge.pipeline.job import Work
from micronet_edge.pipeline.method import WithoutRecipe, Written
from micronet_edge.quantization.recipe import INT8
from micronet_edge.settings import QuantizeSettings
from micronet_edge.targets.protocol import Target
from micronet_edge.verification.prove import FileToProve, Proof, compare


class ConverterBaseline(WithoutRecipe):
    """Lets each format's usual converter quantize the network, for comparison; its error is not judged."""

    def __init__(self, work: Work) -> None:
        check_images(work.origin.metadata, work.origin.called, "--naive with --precision int8")
        self._work, self._calibration = work, work.calibration_images()
        for note in self._calibration.notes:
            work.report(f"WARNING: {note}")

    @staticmethod
    def check(settings: QuantizeSettings) -> None:
        if settings.precision != INT8:
            raise SettingsError(
                f"no usual converter writes {settings.precision}: give --naive with --precision int8"
            )

    def prepare(self, folder: Path) -> None:
        """Does nothing: the converters share nothing."""

    def write(self, target: Target, path: Path) -> Written:
        work = self._work
        work.report(f"{target.name}: writing the file")
        target.converter_baseline(work.origin.network, self._calibration.images, work.spec, path)
        return Written(work.origin.network)

    def prove(self, file: FileToProve, written: Written) -> Proof:
        self._work.report(f"{file.target.name}: proving that it computes the same function")
        return compare(file, written.network, self._calibration.inputs)
