"""The frame of every page: one self-contained file without scripts or external resources."""

from micronet_edge.reports.style import STYLE
from micronet_edge.util.safe_text import escape

# The browser enforces it: a page has inline style and nothing else.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def document(title: str, style: str, header: str, sections: str) -> str:
    """A whole page.

    Args:
        title: plain text, escaped here.
        style: CSS that the page adds to the common style.
        header: HTML that follows the title.
        sections: HTML of the body, as `section` makes it.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(title)}</h1>\n{header}\n</header>\n<main>\n{sections}</main>\n"
        "</body>\n</html>\n"
    )


def section(heading: str, text: str, content: str) -> str:
    """A section of a page; empty if it has no content. `text` and `content` are HTML."""
    if not content:
        return ""
    paragraph = f"<p>{text}</p>\n" if text else ""
    return f"<section>\n<h2>{escape(heading)}</h2>\n{paragraph}{content}\n</section>\n"
