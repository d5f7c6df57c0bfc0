"""Measures what fine-tuning and distillation bring on the crops of photographs.

    python benchmarks/suites/finetuning.py [fine-tuning|distillation]

Fine-tuning: m1 is trained on ten of the twenty photographs (200 crops each), then learns the ten others from
20 crops each; against m1 from random weights on the same crops. Distillation: m0 learns all twenty from 100
crops each, alone and from m3-patches. Every network is chosen on crops of `develop` and measured on those of
`test`. Each pair runs with several seeds; a difference is the mean over them, with the 95 % interval of the
paired difference on all their test images. Writes benchmarks/results/finetuning.json; about three quarters
of an hour on one core.
"""

import json
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from micronet_edge.evaluation.evaluate import evaluate
from micronet_edge.settings import TrainSettings
from micronet_edge.training.run import train
from micronet_edge.util.output_files import write_text
from micronet_edge.util.statistics import PairedDifference, Right, paired_difference
from micronet_edge.util.terminal import open_console
from micronet_edge_bench.runner.facts import environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "patches"
RESULT = Path(__file__).parents[1] / "results" / "finetuning.json"
SEEDS = {"fine-tuning": 3, "distillation": 2}
FEW, VALIDATED = 20, 20
"""Crops a class to fine-tune on, and to choose the best epoch by."""
RECIPE, FINETUNE = EXAMPLE / "recipe.toml", EXAMPLE / "finetune.toml"
EPOCHS = {"first half": 24, "few crops": 80, "all": 20}


@dataclass(frozen=True, slots=True)
class Row:
    """Two ways to train on the same crops: top-1 of each by seed, and the difference of the second."""

    name: str
    images: int
    without: tuple[float, ...]
    with_it: tuple[float, ...]
    difference: PairedDifference


def main(part: Annotated[str, typer.Argument()] = "") -> None:
    """Measures both, or one of them, and keeps the other's row."""
    data, rows = _data(), json.loads(RESULT.read_text())["rows"] if RESULT.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name, measure in {"fine-tuning": _finetuned, "distillation": _distilled}.items():
            if part in {"", name}:
                rows[name] = asdict(measure(data, Path(folder)))
    result = {"environment": environment(), "rows": rows}
    write_text(json.dumps(result, indent=1) + "\n", RESULT, overwrite=True)
    _print(rows)


def _data() -> Path:
    sys.path.insert(0, str(EXAMPLE))
    from images import write_images  # type: ignore[import-not-found]  # beside the example, in no package

    written: Path = write_images()
    return written


def _finetuned(data: Path, folder: Path) -> Row:
    classes = sorted(path.name for path in (data / "train").iterdir())
    first, second = classes[::2], classes[1::2]
    pretrained = _trained(
        _linked(data / "large", first, folder / "first", None),
        _linked(data / "develop", first, folder / "first-develop", VALIDATED),
        folder / "pretrained",
        TrainSettings(variant="m1", recipe=RECIPE, epochs=EPOCHS["first half"]),
    )
    few = _linked(data / "large", second, folder / "few", FEW)
    develop = _linked(data / "develop", second, folder / "few-develop", VALIDATED)
    test = _linked(data / "test", second, folder / "few-test", None)
    run = partial(_right, few, develop, test)
    epochs, seeds = EPOCHS["few crops"], range(SEEDS["fine-tuning"])
    scratch = [
        run(folder / f"scratch-{seed}", TrainSettings(variant="m1", recipe=RECIPE, epochs=epochs, seed=seed))
        for seed in seeds
    ]
    tuned = [
        run(folder / f"tuned-{seed}", TrainSettings(start=pretrained, recipe=FINETUNE, seed=seed))
        for seed in seeds
    ]
    return _row(f"m1 fine-tuned on {FEW} crops a class, against random weights", scratch, tuned)


def _distilled(data: Path, folder: Path) -> Row:
    teacher = EXAMPLE / "m3-patches.safetensors"
    crops = _linked(data / "large", None, folder / "all", 100)
    develop = _linked(data / "develop", None, folder / "all-develop", VALIDATED)
    run = partial(_right, crops, develop, data / "test")
    settings = partial(TrainSettings, variant="m0", recipe=RECIPE, epochs=EPOCHS["all"])
    seeds = range(SEEDS["distillation"])
    alone = [run(folder / f"alone-{seed}", settings(seed=seed)) for seed in seeds]
    taught = [run(folder / f"taught-{seed}", settings(seed=seed, teacher=teacher)) for seed in seeds]
    return _row("m0 with m3-patches as its teacher, against none", alone, taught)


def _linked(source: Path, classes: list[str] | None, folder: Path, most: int | None) -> Path:
    """A folder of links to the first `most` images of those classes."""
    for name in classes or sorted(path.name for path in source.iterdir()):
        (folder / name).mkdir(parents=True)
        for path in sorted((source / name).iterdir())[:most]:
            (folder / name / path.name).symlink_to(path)
    return folder


def _trained(data: Path, develop: Path, output: Path, settings: TrainSettings) -> Path:
    whole = replace(settings, validation=develop, output=output, input_size=96, workers=0)
    trained = train(data, settings=whole)
    found = trained.fitted
    open_console(err=True).print(f"{output.name}: {found.best.top1:.2%} on develop, epoch {found.best.epoch}")
    return found.checkpoint


def _right(data: Path, develop: Path, test: Path, output: Path, settings: TrainSettings) -> Right:
    """For each test image whether the trained network is right."""
    return evaluate(_trained(data, develop, output, settings), test).right


def _row(name: str, without: list[Right], with_it: list[Right]) -> Row:
    return Row(
        name,
        len(without[0]),
        tuple(float(each.mean()) for each in without),
        tuple(float(each.mean()) for each in with_it),
        paired_difference(np.concatenate(with_it), np.concatenate(without)),
    )


def _print(rows: dict[str, dict[str, Any]]) -> None:
    table = Table(title="test crops")
    for heading in ("what", "images", "without", "with", "points (95 %)"):
        table.add_column(heading)
    for row in rows.values():
        difference = PairedDifference(**row["difference"])
        table.add_row(
            row["name"],
            str(row["images"]),
            " ".join(f"{each:.1%}" for each in row["without"]),
            " ".join(f"{each:.1%}" for each in row["with_it"]),
            f"{difference.points:+z.2f} ({difference.low:+z.2f} to {difference.high:+z.2f})",
        )
    open_console(width=120).print(table)


if __name__ == "__main__":
    typer.run(main)
