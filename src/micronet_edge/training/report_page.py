"""The page of a training run: one self-contained file for screen and print."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

from micronet_edge.reports.document import document, section
from micronet_edge.reports.tables import Column, table
from micronet_edge.training import report_confusions, report_curves, report_mistakes
from micronet_edge.training.events import Fitted, TrainedFile
from micronet_edge.training.outcomes import Accuracy, ClassResult, accuracy, class_results
from micronet_edge.training.recipe import Recipe
from micronet_edge.util.output_files import write_text
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural

REPORT = "report.html"
_MINUTE_S, _HOUR_S = 60, 3600
_HASH_SHOWN = 16

_STYLE = (
    """
header ul { margin: -.4rem 0 1.1rem; color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1.1rem; }
.tiles div { flex: 1 1 9rem; padding: .65rem .9rem .7rem; border: 1px solid var(--faint);
  border-radius: 8px; }
.tiles dt { color: var(--soft); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.3; }
.tiles small { display: block; font-size: .78rem; }
.recipe { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 0 2rem;
  margin: .8rem 0 0; font-size: .9rem; }
.recipe div { display: flex; justify-content: space-between; gap: 1rem; padding: .34rem 0;
  border-bottom: 1px solid var(--faint); }
.recipe dt { color: var(--soft); }
.recipe dd { margin: 0; text-align: right; overflow-wrap: anywhere; }
"""
    + report_curves.STYLE
    + report_confusions.STYLE
    + report_mistakes.STYLE
)


def write_report(fitted: Fitted, folder: Path, exported: Sequence[TrainedFile] = ()) -> Path:
    """Writes report.html into the run's folder and returns its path.

    Raises OutputError if that fails.
    """
    path = folder / REPORT
    write_text(page(fitted, exported), path, overwrite=True)
    return path


def page(fitted: Fitted, exported: Sequence[TrainedFile] = ()) -> str:
    """The run as an HTML page."""
    classes = len(fitted.plan.dataset.labels)
    sections = [
        _warnings(fitted),
        section("Files", _FILES, _files(exported) if exported else ""),
        section("Epoch by epoch", _CURVES, report_curves.curves(fitted.history, fitted.best.epoch)),
        section("Worst mistakes", _MISTAKES, report_mistakes.mistakes(fitted)),
        section("Confusion", report_confusions.explained(classes), report_confusions.confusion(fitted)),
        section("Classes", "The classes with the lowest accuracy come first.", _classes(fitted)),
        section("Images", "", _images(fitted)),
        section("Recipe", _recipe_text(fitted), _recipe(fitted.plan.recipe)),
    ]
    header = f"{_origin(fitted)}\n{_tiles(fitted)}"
    return document(f"Training of {fitted.plan.name}", _STYLE, header, "".join(sections))


_FILES = "All are measured on the validation images. Latency is that of one image on this machine."
_CURVES = "The dashed line marks the epoch of the checkpoint. Point at a plot to read its values."
_MISTAKES = (
    "The wrong validation images whose wrong class has the highest probability, as the network sees them. "
    "The first line is the true class, the second the predicted one with its probability. Look for wrong "
    "labels first."
)


def _origin(fitted: Fitted) -> str:
    plan = fitted.plan
    classes = plural(len(plan.dataset.labels), "class", "classes")
    texts = [
        f"<strong>MicroNet {escape(plan.variant)}</strong> for {classes}",
        f"recipe <strong>{escape(plan.recipe_name)}</strong>",
        f"images of {escape(plan.dataset.source)} at {plan.preprocessing.size} px",
        f"trained on {escape(plan.device)}"
        + (f" by {plan.processes} processes" if plan.processes > 1 else ""),
        f"ended after {escape(fitted.ended)}"
        if fitted.ended[:3] == "all"
        else f"ended: {escape(fitted.ended)}",
    ]
    lines = "".join(f"<li>{escape(line)}</li>" for line in plan.lines)
    return f'<p class="from">{"; ".join(texts)}.</p>\n' + (f"<ul>{lines}</ul>\n" if lines else "")


def _tiles(fitted: Fitted) -> str:
    result, history, dataset = accuracy(fitted), fitted.history, fitted.plan.dataset
    seconds = sum(each.train_seconds for each in history)
    waited = sum(each.waited_seconds for each in history) / seconds if seconds else 0.0
    speed = sum(each.images_per_second * each.train_seconds for each in history) / seconds if seconds else 0.0
    tiles = (
        ("Top-1", f"{result.share:.2%}", f"95 % interval {_interval(result)}"),
        ("Best epoch", f"{fitted.best.epoch}", f"of {plural(len(history), 'epoch')}"),
        ("Images", f"{dataset.train.count:,}", f"and {dataset.validation.count:,} to validate on"),
        ("Training time", duration(seconds), "without validation"),
        ("Images a second", f"{speed:,.0f}", f"{waited:.0%} of the time waiting for images"),
    )
    each = "".join(
        f"<div><dt>{escape(title)}</dt><dd>{escape(figure)}<small>{escape(under)}</small></dd></div>"
        for title, figure, under in tiles
    )
    return f'<dl class="tiles">{each}</dl>'


def duration(seconds: float) -> str:
    """A time in its two largest units."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{int(seconds // _MINUTE_S)} min {int(seconds % _MINUTE_S):02d} s"
    return f"{int(seconds // _HOUR_S)} h {int(seconds % _HOUR_S // _MINUTE_S):02d} min"


def _warnings(fitted: Fitted) -> str:
    found = fitted.plan.dataset.warnings
    if not found:
        return ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in found)
    return f'<section class="warnings"><h2>About the images</h2><ul>{lines}</ul></section>\n'


def _files(exported: Sequence[TrainedFile]) -> str:
    columns = (
        Column("file", words=True),
        Column("format"),
        Column("precision"),
        Column("MB"),
        Column("ms"),
        Column("top-1", wide=True),
    )
    rows = [
        [
            escape(each.path.name),
            escape(each.format),
            escape(each.precision),
            f"{each.size_bytes / 1e6:.2f}",
            "" if each.latency_ms is None else f"{each.latency_ms:.2f}",
            f"{each.top1:.2%} <small>{each.low:.2%} to {each.high:.2%}</small>",
        ]
        for each in exported
    ]
    return table(columns, [("", rows)])


def _classes(fitted: Fitted) -> str:
    columns = (
        Column("class", words=True),
        Column("training images"),
        Column("right"),
        Column("share", wide=True),
        Column("most often taken for", words=True),
    )
    results = sorted(class_results(fitted), key=_share)
    return table(columns, [("", [_class_row(each) for each in results])])


def _share(result: ClassResult) -> float:
    return 2.0 if result.accuracy is None else result.accuracy.share


def _class_row(result: ClassResult) -> list[str]:
    label, trained, found = escape(result.label), f"{result.training_images:,}", result.accuracy
    if found is None:
        return [label, trained, "no images", "", ""]
    share = f"{found.share:.1%} <small>{_interval(found)}</small>"
    taken = "" if result.confused_with is None else f"{escape(result.confused_with)} ({result.confused:,})"
    return [label, trained, f"{found.right:,} of {found.images:,}", share, taken]


def _interval(found: Accuracy) -> str:
    return f"{found.low:.1%} to {found.high:.1%}"


def _images(fitted: Fitted) -> str:
    dataset = fitted.plan.dataset
    split = (
        "This tool split the images by a hash of their content, so identical images are in the same part."
        if dataset.divided
        else "The two parts are as they were given."
    )
    skipped = f" Unreadable files left out: {dataset.skipped:,}." if dataset.skipped else ""
    parts = (
        f"{plural(dataset.train.count, 'training image')} and "
        f"{plural(dataset.validation.count, 'validation image')}"
    )
    return (
        f"<p>{parts} of <strong>{escape(dataset.source)}</strong>. "
        f"{split}{skipped} SHA-256 of names, classes, parts and contents: "
        f"<code>{escape(dataset.sha256[:_HASH_SHOWN])}</code>.</p>"
    )


def _recipe_text(fitted: Fitted) -> str:
    return f"Every value of the recipe <strong>{escape(fitted.plan.recipe_name)}</strong> as it was used."


def _recipe(recipe: Recipe) -> str:
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _values(recipe)
    )
    return f'<dl class="recipe">{rows}</dl>'


def _values(recipe: object, start: str = "") -> list[tuple[str, str]]:
    """The values of a recipe by dotted name."""
    assert is_dataclass(recipe)
    found: list[tuple[str, str]] = []
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        if is_dataclass(value):
            found += _values(value, f"{start}{each.name}.")
        elif value or not isinstance(value, dict):
            found.append((f"{start}{each.name}", _in_words(value)))
    return found


def _in_words(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case tuple():
            return " to ".join(_in_words(each) for each in value)
    return str(value)
