"""Reads a page back: its tags, its text and its pictures."""

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Reader(HTMLParser):
    """Every tag with its attributes, all text, and whether each tag that opens is closed in its place."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(page)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, tag

    def handle_data(self, text):
        if self._open[-1:] != ["style"]:
            self.texts.append(text)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def attributes(self, name):
        return [each[name] for _tag, each in self.tags if name in each]


def pictures(page):
    """The outermost SVG pictures, each read as XML."""
    found, rest = [], page
    while "<svg" in rest:
        rest = rest[rest.index("<svg") :]
        end = _end_of_first(rest)
        found.append(ET.fromstring(rest[:end]))  # noqa: S314 - our own page
        rest = rest[end:]
    return found


def _end_of_first(text):
    depth, place = 0, 0
    while True:
        opened, closed = text.find("<svg", place), text.index("</svg>", place)
        if opened != -1 and opened < closed:
            depth, place = depth + 1, opened + 4
        else:
            depth, place = depth - 1, closed + 6
        if depth == 0:
            return place
