"""The training loop: epochs of steps, each epoch measured and saved."""

import math
import signal
import time
from dataclasses import replace

import torch

from micronet_edge.errors import SettingsError
from micronet_edge.training.distributed import any_of, least, summed
from micronet_edge.training.events import Epoch, Observer, Step
from micronet_edge.training.history import better
from micronet_edge.training.interruption import Stop, TrainingInterruptedError
from micronet_edge.training.learner import Learner
from micronet_edge.training.run_files import best_checkpoint, checkpoint_name, save_run
from micronet_edge.training.state import State, Tally, Tensors
from micronet_edge.training.task import Task
from micronet_edge.training.validate import Scores, validate

ALL_EPOCHS = "all epochs"
INTERRUPTED = 128 + signal.SIGINT

_LOOK_EVERY = {"cpu": 1, "cuda": 10}
"""Steps between two looks at losses and signals: each makes a GPU wait."""


class Trainer:
    """A run in progress: a learner and its position."""

    def __init__(self, task: Task, observer: Observer, stop: Stop) -> None:
        self._task, self._observer, self._stop = task, observer, stop
        self.learner = Learner(task)
        self._epoch, self._step = 1, 0
        self._tally = Tally()
        self.history: tuple[Epoch, ...] = ()
        self.best: Tensors = {}
        self._saved = time.monotonic()
        self._losses: list[torch.Tensor] = []

    # --- Position

    def begin(self) -> None:
        """Saves the start, in place of an earlier run in the folder."""
        self._save()
        if self._task.world.leads:
            (self._task.folder / checkpoint_name(self._task.plan.name)).unlink(missing_ok=True)

    def take_up(self, state: State) -> None:
        """Goes on from a saved state."""
        self.learner.load((state.network, state.average), state.optimizer, state.scaler)
        self._epoch, self._step, self._tally = state.epoch, state.step, state.tally
        self.history, self.best = state.history, state.best

    def state(self) -> State:
        """The state between two steps."""
        network, average = self.learner.tensors()
        return State(
            facts=self._task.facts,
            epoch=self._epoch,
            step=self._step,
            tally=self._tally,
            history=self.history,
            network=network,
            average=average,
            optimizer=self.learner.optimizer.state_dict(),
            scaler=self.learner.scaler.state_dict(),
            best=self.best,
        )

    @property
    def best_epoch(self) -> Epoch | None:
        """The epoch of the best weights so far."""
        return next((each for each in reversed(self.history) if each.best), None)

    # --- Loop

    def train(self) -> str:
        """Trains to the end; returns why training ended.

        Raises:
            TrainingInterruptedError: a signal came; the state is saved.
            SettingsError: the loss is not finite; the best weights so far are kept.
            OutputError: the state cannot be saved.
        """
        while (ended := self._ended()) is None:
            self._train_epoch()
            self._finish_epoch()
        return ended

    def _ended(self) -> str | None:
        patience = self._task.plan.recipe.schedule.patience
        best = self.best_epoch
        if patience is not None and best is not None and self._epoch - 1 - best.epoch >= patience:
            return f"no better epoch for {patience} epochs"
        return ALL_EPOCHS if self._epoch > self._task.epochs else None

    def _train_epoch(self) -> None:
        self.learner.enter(self._epoch)
        start, first = time.perf_counter(), self._step
        begun, before = start, self._tally
        for batch in self._task.training.epoch(self._epoch, self._step):
            waited = time.perf_counter() - begun
            self._losses.append(self.learner.learn(batch, self._epoch, self._step))
            self._step += 1
            self._look()
            now = time.perf_counter()
            self._tally = replace(
                self._tally, seconds=before.seconds + now - start, waited=self._tally.waited + waited
            )
            self._report((self._step - first) / (now - start))
            self._save_at_times()
            begun = time.perf_counter()
        self._look(whatever=True)

    def _look(self, *, whatever: bool = False) -> None:
        """Reads the latest losses, and whether anybody wants the run to stop, in all processes alike."""
        if self._losses and (whatever or self._step % _LOOK_EVERY[self._task.device.type] == 0):
            self._read_losses()
            if any_of(flag=self._stop.wanted):
                self._interrupt()

    def _read_losses(self) -> None:
        losses = torch.stack(self._losses).tolist()
        self._losses = []
        first = self._step - len(losses) + 1
        bad = [first + place for place, loss in enumerate(losses) if not math.isfinite(loss)]
        if (step := least(float(bad[0]) if bad else math.inf)) < math.inf:
            self._diverged(int(step))
        self._tally = replace(
            self._tally, loss=self._tally.loss + sum(losses), steps=self._tally.steps + len(losses)
        )

    def _finish_epoch(self) -> None:
        self.learner.settle()
        networks = dict.fromkeys((self.learner.network, self.learner.judged))  # one, or two that differ
        scores = validate(list(networks), self._task)
        epoch = self._measured(scores[0], scores[-1])
        epoch = replace(epoch, best=better(epoch, self.best_epoch))
        self.history = (*self.history, epoch)
        if epoch.best:
            weights = self.learner.judged.state_dict()
            self.best = {name: value.detach().cpu().clone() for name, value in weights.items()}
        self._epoch, self._step, self._tally = self._epoch + 1, 0, Tally()
        self._save(epoch if epoch.best else None)
        self._observer.validated(epoch)

    def _measured(self, raw: Scores, taken: Scores) -> Epoch:
        tally, images = self._tally, self._task.plan.recipe.batch_size * self._tally.steps
        loss, processes = float(summed(torch.tensor(tally.loss, dtype=torch.float64))), self._task.world.size
        return Epoch(
            epoch=self._epoch,
            lr=self.learner.rate(self._epoch, max(0, self._step - 1)),
            loss=loss / processes / max(1, tally.steps),
            top1=taken.top1,
            raw_top1=raw.top1,
            validation_loss=taken.loss,
            best=False,
            train_seconds=tally.seconds,
            images_per_second=images / max(tally.seconds, 1e-9),
            waited_seconds=tally.waited,
        )

    # --- Saving and stopping

    def _save(self, best: Epoch | None = None) -> None:
        self._saved = time.monotonic()
        if self._task.world.leads:
            plan = self._task.plan
            checkpoint = None if best is None else best_checkpoint(self.best, plan, best)
            save_run(self._task.folder, self.state(), plan.name, checkpoint)

    def _save_at_times(self) -> None:
        if not self._losses and time.monotonic() - self._saved >= self._task.save_every_s:
            self._save()

    def _interrupt(self) -> None:
        self._save()
        self._quit_unless_leading(INTERRUPTED)
        raise TrainingInterruptedError(
            f"interrupted in epoch {self._epoch} after step {self._step} of "
            f"{self._task.plan.steps_per_epoch}; saved in {self._task.folder}: give the same command with "
            "--resume to go on"
        )

    def _diverged(self, step: int) -> None:
        self._quit_unless_leading(1)
        best = self.best_epoch
        kept = "nothing is kept, since no epoch was complete"
        if best is not None:
            checkpoint = self._task.folder / checkpoint_name(self._task.plan.name)
            kept = f"the best weights so far, of epoch {best.epoch}, stay in {checkpoint}"
        rate = self.learner.rate(self._epoch, step - 1)
        raise SettingsError(
            f"the loss is not finite in epoch {self._epoch} at step {step}, with learning rate {rate:.3g}: "
            f"{kept}; start again with a lower --lr, such as {self.learner.schedule.lr / 4:.2g}, or with "
            "clip_norm in the recipe"
        )

    def _quit_unless_leading(self, code: int) -> None:
        """Ends this process without a word where the first one speaks for all."""
        if not self._task.world.leads:
            raise SystemExit(code)

    def _report(self, steps_per_second: float) -> None:
        if self._tally.steps:
            loss = self._tally.loss / self._tally.steps
            images_per_second = steps_per_second * self._task.plan.recipe.batch_size
            self._observer.stepped(Step(self._epoch, self._step, loss, images_per_second))
