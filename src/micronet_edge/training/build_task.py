"""Puts a run together: network, teacher, loaders, augmentation and plan."""

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.settings import TrainSettings
from micronet_edge.training.augment import Augmentation
from micronet_edge.training.distributed import World
from micronet_edge.training.events import Plan
from micronet_edge.training.images import Dataset
from micronet_edge.training.kept_batches import KeptBatches
from micronet_edge.training.loader import LoaderSettings, TrainingLoader, ValidationLoader
from micronet_edge.training.prepare import Prepared, fitting_batch
from micronet_edge.training.recipe import Recipe
from micronet_edge.training.start import Start, starting_network
from micronet_edge.training.state import run_facts
from micronet_edge.training.task import Task
from micronet_edge.training.teacher import Teacher, read_teacher
from micronet_edge.util.processes import usable_cores
from micronet_edge.util.text import plural

_MOST_WORKERS = {"cpu": 2, "cuda": 16}
_VALIDATION_BATCH = 64


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, and where it runs."""

    prepared: Prepared
    dataset: Dataset
    settings: TrainSettings
    world: World
    device: torch.device


def build_task(request: Request, stack: ExitStack) -> Task:
    """The run, ready to start; the stack ends the loaders' processes.

    Raises SettingsError if images, batch, head or teacher do not fit together.
    """
    prepared, dataset, settings = request.prepared, request.dataset, request.settings
    recipe, batch_line = fitting_batch(prepared.recipe, dataset.train.count, request.world, settings)
    start = starting_network(prepared.checkpoint, dataset.labels, recipe, settings)
    teacher = read_teacher(settings.teacher, dataset.labels, start.preprocessing)
    training, validation = _loaders(request, recipe, start.preprocessing)
    stack.callback(training.close)
    stack.callback(validation.close)
    notes = [*start.notes, *([] if batch_line is None else [batch_line])]
    plan = _plan(request, recipe, start, training.steps_per_epoch)
    plan = replace(plan, lines=(*_lines(plan, start, teacher), *notes))
    augment = Augmentation(recipe.augmentation, start.preprocessing).to(request.device)
    return Task(
        plan=plan,
        start=start,
        training=training,
        validation=validation,
        augment=augment,
        folder=prepared.folder,
        facts=run_facts(plan, start, teacher, settings.seed),
        seed=settings.seed,
        world=request.world,
        device=request.device,
        teacher=teacher,
    )


def _plan(request: Request, recipe: Recipe, start: Start, steps_per_epoch: int) -> Plan:
    return Plan(
        name=request.prepared.name,
        variant=request.prepared.variant,
        recipe_name=request.prepared.recipe_name,
        recipe=replace(recipe, input_size=start.preprocessing.size),
        preprocessing=start.preprocessing,
        dataset=request.dataset,
        device=str(request.device),
        processes=request.world.size,
        steps_per_epoch=steps_per_epoch,
    )


def _lines(plan: Plan, start: Start, teacher: Teacher | None) -> list[str]:
    """The plan in words, one thought each."""
    dataset, recipe = plan.dataset, plan.recipe
    rate = recipe.optimizer.lr * recipe.batch_size / recipe.optimizer.lr_batch_size
    weights = "random weights" if start.origin == "random" else "a checkpoint"
    parts = "split by the images' hashes" if dataset.divided else "two parts as given"
    by = f" by {plan.processes} processes" if plan.processes > 1 else ""
    images = (
        f"{plural(dataset.train.count, 'image')} to train on, {dataset.validation.count:,} to validate on, "
        f"{plural(len(dataset.labels), 'class', 'classes')}; {parts}"
    )
    network = f"{plan.variant} at {plan.preprocessing.size} px from {weights}, on {plan.device}{by}"
    how = (
        f"recipe {plan.recipe_name}: {plural(recipe.schedule.epochs, 'epoch')} of "
        f"{plural(plan.steps_per_epoch, 'step')}, {recipe.batch_size} images a step, rate {rate:.3g}"
    )
    lines = [images, network, how]
    if teacher is not None:
        lines.append(f"teacher: {teacher.name}, {recipe.distill_weight:.0%} of the loss")
    return lines


def _loaders(
    request: Request, recipe: Recipe, preprocessing: Preprocessing
) -> tuple[TrainingLoader, KeptBatches]:
    world, dataset = request.world, request.dataset
    settings = LoaderSettings(
        batch_size=recipe.batch_size,
        seed=request.settings.seed,
        workers=_workers(request),
        rank=world.rank,
        world=world.size,
        pin_memory=request.device.type == "cuda",
    )
    training = TrainingLoader(dataset.train, preprocessing, recipe, settings)
    validation = ValidationLoader(
        dataset.validation, preprocessing, replace(settings, batch_size=_VALIDATION_BATCH)
    )
    return training, KeptBatches(validation, dataset.validation.count, preprocessing)


def _workers(request: Request) -> int:
    """Processes that read for this one: the user's number, or what the cores leave beside the training."""
    if request.settings.workers is not None:
        return request.settings.workers
    cores = usable_cores()
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(0, min(_MOST_WORKERS[request.device.type], cores // here - 1))
