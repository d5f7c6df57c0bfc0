"""A contact sheet of predictions: every picture with its most probable classes, mistakes first."""

from collections.abc import Sequence
from pathlib import Path

from micronet_edge.classification.predict import Prediction, Predictions
from micronet_edge.classification.probabilities import Classification
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.reports.document import document, section
from micronet_edge.reports.thumbnails import MISSING, picture, thumbnail
from micronet_edge.util.output_files import write_text
from micronet_edge.util.safe_text import escape
from micronet_edge.util.text import plural

MOST_SHOWN = 300
"""Pictures on a page, of some 5 kB each."""
_MOST_BARS = 5

_STYLE = """
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1.1rem; }
.tiles div { flex: 1 1 9rem; padding: .65rem .9rem .7rem; border: 1px solid var(--faint);
  border-radius: 8px; }
.tiles dt { color: var(--soft); font-size: .82rem; }
.tiles dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.3; }
.tiles small { display: block; font-size: .78rem; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 1.5rem 1.1rem;
  margin-top: 1rem; }
.sheet figure { margin: 0; min-width: 0; break-inside: avoid; }
.sheet img, .sheet .missing { display: block; width: 100%; height: auto; aspect-ratio: 1;
  object-fit: contain; border-radius: 8px; background: var(--band); }
.sheet figcaption { margin-top: .45rem; font-size: .84rem; line-height: 1.35; }
.sheet .file { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.sheet .truth { color: var(--ink); overflow-wrap: anywhere; }
.bars { list-style: none; margin: .35rem 0 0; padding: 0; --best: var(--blue); }
.right .bars { --best: var(--green); }
.wrong .bars { --best: var(--red); }
.bars li { --tone: var(--grey); display: flex; justify-content: space-between; gap: .6rem;
  margin: .16rem 0; padding: .1rem .45rem;
  border-radius: 4px; color: var(--soft); background: linear-gradient(to right,
  color-mix(in srgb, var(--tone) 34%, var(--band)) var(--share), var(--band) 0); }
.bars li:first-child { --tone: var(--best); color: var(--ink); font-weight: 600; }
.bars li.true { --tone: var(--green); color: var(--ink); }
.bars .name { min-width: 0; overflow-wrap: anywhere; }
.bars .value { white-space: nowrap; }
@media (max-width: 44rem) { .sheet { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); } }
"""


def page(found: Predictions) -> str:
    """The predictions as an HTML page."""
    shown = _sections(found)
    left, parts = MOST_SHOWN, []
    for heading, text, predictions in shown:
        part = predictions[:left]
        left -= len(part)
        missing = len(predictions) - len(part)
        rest = f" {plural(missing, 'picture')} left out to keep the page small." if missing else ""
        parts.append(section(heading, f"{text}{rest}", _sheet(part, found.metadata.preprocessing)))
    header = f"{_origin(found)}\n{_tiles(found)}"
    return document(f"What {found.path.name} sees", _STYLE, header, "".join(parts))


def write_page(found: Predictions, path: Path, *, overwrite: bool = False) -> None:
    """Writes the page. Raises OutputError as `write_text` does."""
    write_text(page(found), path, overwrite=overwrite)


def _sections(found: Predictions) -> list[tuple[str, str, list[Prediction]]]:
    """Heading, text and pictures of each section: mistakes first, then what is right, then the others."""
    labelled = found.labelled
    wrong = sorted((each for each in labelled if each.is_wrong), key=lambda each: -each.best.score)
    right = sorted((each for each in labelled if not each.is_wrong), key=lambda each: each.best.score)
    others = [each for each in found.found if each.picture.label is None]
    return [
        ("Mistakes", _MISTAKES, wrong),
        ("Right", "The least certain come first.", right),
        ("Pictures" if not labelled else "In no class folder", "", others),
    ]


_MISTAKES = (
    "Pictures in the folder of another class. The most certain mistakes come first: look for wrong labels "
    "there. The bar of the folder's class is green."
)


def _origin(found: Predictions) -> str:
    metadata, preprocessing = found.metadata, found.metadata.preprocessing
    _, height, width = preprocessing.shape
    texts = [
        f"<strong>{escape(metadata.precision)}</strong> file of <strong>{escape(metadata.variant)}</strong>",
        f"{plural(len(metadata.labels), 'class', 'classes')}",
        f"pictures as the network sees them, cut to {width} x {height} pixels",
    ]
    notes = [*found.described.notes, *filter(None, [found.described.assumption])]
    if found.skipped:
        notes.append(f"{plural(found.skipped, 'unreadable file')} left out")
    lines = "".join(f"<br>Note: {escape(note)}" for note in notes)
    return f'<p class="from">{"; ".join(texts)}.{lines}</p>'


def _tiles(found: Predictions) -> str:
    scores = sorted(each.best.score for each in found.found)
    middle = scores[len(scores) // 2]
    tiles = [("Pictures", f"{len(scores):,}", ""), ("Median score", _percent(middle), "of the best class")]
    if labelled := len(found.labelled):
        right, of = found.right, f"of {labelled:,} in class folders"
        tiles = [
            ("Top-1", f"{right / labelled:.2%}", of),
            ("Mistakes", f"{labelled - right:,}", of),
            *tiles,
        ]
    each = "".join(
        f"<div><dt>{escape(title)}</dt><dd>{escape(figure)}<small>{escape(under)}</small></dd></div>"
        for title, figure, under in tiles
    )
    return f'<dl class="tiles">{each}</dl>'


def _sheet(predictions: Sequence[Prediction], preprocessing: Preprocessing) -> str:
    figures = "".join(_figure(each, preprocessing) for each in predictions)
    return f'<div class="sheet">{figures}</div>' if figures else ""


def _figure(found: Prediction, preprocessing: Preprocessing) -> str:
    label, name = found.picture.label, escape(found.picture.name)
    kind = "" if label is None else ' class="wrong"' if found.is_wrong else ' class="right"'
    truth = f'<span class="truth">in folder <strong>{escape(label or "")}</strong></span>'
    bars = "".join(_bar(each, label) for each in found.classes[:_MOST_BARS])
    return (
        f'<figure{kind}>{_picture(found, preprocessing)}<figcaption><small class="file" title="{name}">{name}'
        f'</small>{truth if found.is_wrong else ""}<ul class="bars">{bars}</ul></figcaption></figure>\n'
    )


def _bar(found: Classification, truth: str | None) -> str:
    kind = ' class="true"' if found.label == truth else ""
    return (
        f'<li{kind} style="--share: {found.score:.1%}"><span class="name">{escape(found.label)}</span>'
        f'<span class="value">{_percent(found.score)}</span></li>'
    )


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _picture(found: Prediction, preprocessing: Preprocessing) -> str:
    try:
        encoded = thumbnail(found.picture.opened(), preprocessing)
    except SettingsError:  # removed since it was classified
        return MISSING
    return picture(encoded, found.picture.name)
