"""Trains a network by a task, from its start or from where an earlier run stopped."""

from micronet_edge.training.distributed import shared_bytes
from micronet_edge.training.events import Fitted, Observer
from micronet_edge.training.interruption import stoppable
from micronet_edge.training.run_files import best_checkpoint, checkpoint_name
from micronet_edge.training.state import LAST, State, check_same, parsed_state, read_state
from micronet_edge.training.task import Task
from micronet_edge.training.trainer import Trainer
from micronet_edge.training.validate import probabilities
from micronet_edge.util.output_files import write_together
from micronet_edge.util.threads import one_thread


def earlier_state(task: Task) -> State | None:
    """The state of the run in the task's folder, in every process; None if there is none.

    Raises CheckpointError if it cannot be read, SettingsError if it is of another run.
    """
    path = task.folder / LAST
    content = shared_bytes(read_state(path) if task.world.leads else None)
    if content is None:
        return None
    state = parsed_state(content, path)
    check_same(state.facts, task.facts, path)
    return state


def fit(task: Task, observer: Observer, resumed: State | None = None) -> Fitted:
    """Trains to the end and keeps the best weights.

    One thread sums in a fixed order, so that the same task gives the same weights; these networks are too
    small to gain from more.

    Raises:
        TrainingInterruptedError: Ctrl-C or SIGTERM came; the state is saved.
        SettingsError: the loss is not finite.
        OutputError: the files cannot be written.
    """
    with one_thread(), stoppable() as stop:
        trainer = Trainer(task, observer, stop)
        if resumed is None:
            trainer.begin()
        else:
            trainer.take_up(resumed)
        ended = trainer.train()
        best = trainer.best_epoch
        assert best is not None  # there is at least one epoch
        checkpoint = best_checkpoint(trainer.best, task.plan, best)
        name = checkpoint_name(task.plan.name)
        path = task.folder / name
        if task.world.leads and not (path.is_file() and path.read_bytes() == checkpoint):
            write_together({name: checkpoint}, task.folder)  # removed or replaced since
        trainer.learner.network.load_state_dict(trainer.best)
        answers = probabilities(trainer.learner.network, task)
    return Fitted(task.plan, path, trainer.history, best, ended, answers)
