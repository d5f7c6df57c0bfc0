"""Shows the worst mistakes as pictures: the images as the network saw them, in the page itself."""

from micronet_edge.data.preprocessing import Preprocessing, decode_image
from micronet_edge.errors import SettingsError
from micronet_edge.reports.thumbnails import MISSING, picture, thumbnail
from micronet_edge.training.events import Fitted
from micronet_edge.training.images import ImageSet
from micronet_edge.training.outcomes import Mistake, worst_mistakes
from micronet_edge.util.safe_text import escape

_SHOWN = 24

STYLE = """
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1.1rem .9rem;
  margin-top: 1rem; }
.mistakes figure { margin: 0; break-inside: avoid; }
.mistakes img, .mistakes .missing { display: block; width: 100%; height: auto;
  aspect-ratio: 1; border-radius: 6px;
  background: var(--band); }
.mistakes figcaption { margin-top: .35rem; font-size: .84rem; line-height: 1.35; overflow-wrap: anywhere; }
.mistakes figcaption strong { color: var(--ink); font-weight: 600; }
.mistakes figcaption .told { color: var(--red); }
@media (max-width: 44rem) { .mistakes { grid-template-columns: repeat(auto-fill, minmax(6.6rem, 1fr)); } }
"""


def mistakes(fitted: Fitted) -> str:
    """The wrong images whose wrong class has the highest probability, as HTML; empty if there are none."""
    plan = fitted.plan
    figures = [
        _figure(mistake, plan.dataset.validation, plan.preprocessing)
        for mistake in worst_mistakes(fitted, _SHOWN)
    ]
    return f'<div class="mistakes">{"".join(figures)}</div>' if figures else ""


def _figure(mistake: Mistake, images: ImageSet, preprocessing: Preprocessing) -> str:
    name = escape(images.store.name(mistake.index))
    return (
        f'<figure title="{name}">{_picture(mistake, images, preprocessing)}<figcaption>'
        f"<strong>{escape(mistake.label)}</strong><br>"
        f'<strong class="told">{escape(mistake.taken_for)}</strong> '
        f"{mistake.probability:.1%}</figcaption></figure>\n"
    )


def _picture(mistake: Mistake, images: ImageSet, preprocessing: Preprocessing) -> str:
    name = images.store.name(mistake.index)
    try:
        encoded = thumbnail(decode_image(images.store.read(mistake.index), name), preprocessing)
    except SettingsError:  # removed since it was classified
        return MISSING
    return picture(encoded, name)
