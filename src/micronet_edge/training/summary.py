"""The results of a training run as plain values."""

from dataclasses import asdict

from micronet_edge.training.events import Trained
from micronet_edge.training.outcomes import accuracy, class_results


def summary(trained: Trained) -> dict[str, object]:
    """Plain values for JSON: the run, its accuracy by class, its history and its files."""
    fitted = trained.fitted
    plan = fitted.plan
    return {
        "name": plan.name,
        "variant": plan.variant,
        "folder": str(trained.folder),
        "checkpoint": str(fitted.checkpoint),
        "report": str(trained.report),
        "recipe_name": plan.recipe_name,
        "recipe": asdict(plan.recipe),
        "preprocessing": plan.preprocessing.to_dict(),
        "data": {
            "source": plan.dataset.source,
            "sha256": plan.dataset.sha256,
            "labels": list(plan.dataset.labels),
            "train_images": plan.dataset.train.count,
            "validation_images": plan.dataset.validation.count,
            "skipped": plan.dataset.skipped,
            "divided": plan.dataset.divided,
            "warnings": list(plan.dataset.warnings),
        },
        "device": plan.device,
        "processes": plan.processes,
        "notes": list(plan.lines),
        "ended": fitted.ended,
        "top1": asdict(accuracy(fitted)),
        "classes": [asdict(each) for each in class_results(fitted)],
        "best": asdict(fitted.best),
        "history": [asdict(each) for each in fitted.history],
        "exported": [asdict(each) for each in trained.exported],
    }
