"""From images to a trained network: reads, plans, trains, reports and exports."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from micronet_edge.errors import OutputError
from micronet_edge.settings import TrainSettings
from micronet_edge.training.build_task import Request, build_task
from micronet_edge.training.dataset import read_dataset
from micronet_edge.training.devices import device_named
from micronet_edge.training.distributed import from_leader, joined, leader_first, world_of
from micronet_edge.training.events import Fitted, Observer, Trained, Unwatched
from micronet_edge.training.export_files import export_files
from micronet_edge.training.fit import earlier_state, fit
from micronet_edge.training.images import Dataset
from micronet_edge.training.prepare import SPLIT, prepare
from micronet_edge.training.report_page import REPORT, write_report
from micronet_edge.training.split import write_split
from micronet_edge.training.state import LAST, State
from micronet_edge.util.locks import held_alone
from micronet_edge.util.threads import one_thread

_LOCK = ".training"
_BUSY = "another run trains into {0}: wait until it ends, or give another folder as --output"
_DEFAULT, _UNWATCHED = TrainSettings(), Unwatched()


def train(
    data: Path | str, *, settings: TrainSettings = _DEFAULT, observer: Observer = _UNWATCHED
) -> Trained:
    """Trains a network on labelled images and writes it, its history and its report into a folder.

    Under torchrun every process calls this; the first one writes and reports.

    Args:
        data: a folder of class folders, a folder with train/ and val/, or WebDataset shards.
        settings: how to train.
        observer: sees the plan, the steps and the epochs.

    Raises:
        MicronetEdgeError: images, settings, checkpoint, teacher or output folder are unsuitable; or the loss
            is not finite.
        TrainingInterruptedError: Ctrl-C or SIGTERM came, a KeyboardInterrupt; the state is saved.
    """
    world = world_of()
    device = device_named(settings.device, world.local_rank)
    watcher = observer if world.leads else Unwatched()
    with joined(world, device), one_thread():
        prepared = leader_first(world, partial(prepare, data, settings, watcher.note))
        dataset = from_leader(world, partial(_read, data, settings, watcher))
        fitted = _fitted(Request(prepared, dataset, settings, world, device), watcher)
    folder = prepared.folder
    if not world.leads:
        return Trained(fitted, folder, folder / REPORT)
    report = write_report(fitted, folder)
    if not settings.export:
        return Trained(fitted, folder, report)
    exported = export_files(fitted, folder, watcher.note)
    return Trained(fitted, folder, write_report(fitted, folder, exported), exported)


def _read(data: Path | str, settings: TrainSettings, watcher: Observer) -> Dataset:
    return read_dataset(
        data, settings.validation, skip_unreadable=settings.skip_unreadable, report=watcher.note
    )


def _fitted(request: Request, watcher: Observer) -> Fitted:
    with ExitStack() as stack:
        task = build_task(request, stack)
        state = earlier_state(task) if request.settings.resume else None
        if request.world.leads:
            _make_folder(task.folder)
            stack.enter_context(held_alone(task.folder / _LOCK, _BUSY.format(task.folder)))
            write_split(request.dataset, task.folder / SPLIT, overwrite=True)
        watcher.planned(task.plan)
        if request.settings.resume:
            watcher.note(_resumed(task.folder, state))
        return fit(task, watcher, state)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made ({error.strerror}): give another folder as --output"
        ) from error


def _resumed(folder: Path, state: State | None) -> str:
    if state is None:
        return f"{folder / LAST} does not exist: training starts at the first epoch"
    return f"going on with {folder / LAST} in epoch {state.epoch} after step {state.step}"
