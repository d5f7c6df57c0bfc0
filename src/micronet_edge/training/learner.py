"""A network with its optimizer and average, and one step of training."""

from typing import Any

import torch
from torch import Tensor, nn

from micronet_edge.training.averaging import averaged
from micronet_edge.training.distributed import parallel, share_buffers, with_synced_norms
from micronet_edge.training.loss import loss_of
from micronet_edge.training.parameter_groups import HeadAlone, optimizer_for, set_rate, trained_parameters
from micronet_edge.training.schedule import schedule_of
from micronet_edge.training.seeds import seed_step
from micronet_edge.training.state import Tensors
from micronet_edge.training.task import Batch, Task


class Learner:
    """All that changes while a network trains, but for the position.

    On CUDA it computes in mixed precision, with channels last in memory.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        recipe, self._device = task.plan.recipe, task.device
        self._fast = self._device.type == "cuda"
        self.network = task.start.network.to(self._device)
        if recipe.sync_norms and not task.world.alone:
            with_synced_norms(self.network, self._device)
        if self._fast:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = optimizer_for(self.network, recipe)
        self.average = None if recipe.ema_decay is None else averaged(self.network, recipe.ema_decay)
        self.scaler = torch.amp.GradScaler(self._device.type, enabled=self._fast)
        self.schedule = schedule_of(recipe, task.plan.steps_per_epoch, head=task.start.new_head)
        self._loss = loss_of(recipe, taught=task.teacher is not None)
        self._teacher = None if task.teacher is None else task.teacher.network.to(self._device)
        self._head = HeadAlone(self.network)
        self._parallel: nn.Module = self.network
        self._alone: bool | None = None

    @property
    def judged(self) -> nn.Module:
        """The network to measure and keep: the average if there is one."""
        found: nn.Module = self.network if self.average is None else self.average.module
        return found

    def enter(self, epoch: int) -> None:
        """Prepares an epoch, counted from 1: training mode, and which layers learn."""
        head = epoch <= self._task.plan.recipe.schedule.head_epochs and self._task.start.new_head
        if head:
            self._head.freeze()
        else:
            self._head.thaw()
        if head is not self._alone:  # what is averaged over processes depends on what learns
            self._parallel = parallel(self.network, self._task.world, self._device)
            self._alone = head

    def learn(self, batch: Batch, epoch: int, step: int) -> Tensor:
        """Takes a step, counted from 0 in its epoch; returns its loss, which may not be finite."""
        seed_step(self._task.seed, epoch, step, self._task.world.rank)
        set_rate(self.optimizer, self.rate(epoch, step))
        images, target = self._task.augment(
            batch.images.to(self._device, non_blocking=True),
            batch.classes.to(self._device, non_blocking=True),
            self._task.classes,
        )
        if self._fast:
            images = images.contiguous(memory_format=torch.channels_last)
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self._device.type, enabled=self._fast, dtype=torch.float16):
            logits = self._parallel(images)
            loss = self._loss(logits, target, self._taught(images))
        self._apply(loss)
        return loss.detach()

    def rate(self, epoch: int, step: int) -> float:
        """The learning rate of a step."""
        return self.schedule.at((epoch - 1) * self._task.plan.steps_per_epoch + step)

    def _taught(self, images: Tensor) -> Tensor | None:
        if self._teacher is None:
            return None
        with torch.no_grad():
            answer: Tensor = self._teacher(images)
        return answer

    def _apply(self, loss: Tensor) -> None:
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        clip = self._task.plan.recipe.optimizer.clip_norm
        if clip is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(trained_parameters(self.network), clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            self.average.update_parameters(self.network)

    def settle(self) -> None:
        """Gives all processes the same statistics, before measuring."""
        for network in (self.network, self.average):
            if network is not None:
                share_buffers(network)

    def tensors(self) -> tuple[Tensors, Tensors]:
        """The weights, and the averaged ones with the number of averaged steps."""
        average = {} if self.average is None else dict(self.average.state_dict())
        return dict(self.network.state_dict()), average

    def load(
        self, tensors: tuple[Tensors, Tensors], optimizer: dict[str, Any], scaler: dict[str, Any]
    ) -> None:
        """Takes up an earlier state."""
        self.network.load_state_dict(tensors[0])
        if self.average is not None:
            self.average.load_state_dict(tensors[1])
        self.optimizer.load_state_dict(optimizer)
        self.scaler.load_state_dict(scaler)
