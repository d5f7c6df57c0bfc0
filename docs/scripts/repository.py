"""A hook of mkdocs: links of pages to files of the repository lead to copies of these files in the site.

Pages are written to be read in the repository, where `../benchmarks/results/family.json` is a file. The site
gets every file that some page links to, under repository/, pages among them as pages. A link to a folder
leads to its README.md; a link to a folder without one becomes plain text.
"""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).parents[2]
DOCS = "docs"
COPIES = "repository"
LINK = re.compile(r"(?<!\\)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")
"""A link or picture to a file: its text, its path, its anchor. Addresses hold a colon and do not match."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Headings get the anchors that they have in the repository's browser."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds every file outside docs/ that a page links to, and what those link to."""
    pages = [f"{DOCS}/{file.src_uri}" for file in files.documentation_pages()]
    for path in _reached(pages):
        if not path.startswith(f"{DOCS}/"):
            files.append(_copy(path, config))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Turns links that leave docs/ into links to the copies."""
    here = _in_repository(page.file.src_uri)
    return LINK.sub(lambda link: _led(link, here), markdown)


def _reached(pages: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    waiting = list(pages)
    while waiting:
        page = waiting.pop()
        for link in LINK.finditer((ROOT / page).read_text(encoding="utf-8")):
            target = _target(link[2], page)
            if target is not None and target not in found:
                found[target] = None
                if target.endswith(".md"):
                    waiting.append(target)
    return sorted(found)


def _copy(path: str, config: MkDocsConfig) -> File:
    level = InclusionLevel.INCLUDED if path.endswith(".md") else InclusionLevel.NOT_IN_NAV
    return File.generated(config, f"{COPIES}/{path}", abs_src_path=str(ROOT / path), inclusion=level)


def _in_repository(src_uri: str) -> str:
    """Where a page of the site stands in the repository."""
    return src_uri.removeprefix(f"{COPIES}/") if src_uri.startswith(f"{COPIES}/") else f"{DOCS}/{src_uri}"


def _in_site(path: str) -> str:
    return path.removeprefix(f"{DOCS}/") if path.startswith(f"{DOCS}/") else f"{COPIES}/{path}"


def _target(link: str, page: str) -> str | None:
    """The file of the repository that a link leads to; nothing for a folder without a README.md."""
    path = normpath(str(PurePosixPath(page).parent / link))
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    return path if (ROOT / path).is_file() and not path.startswith("..") else None


def _led(link: re.Match[str], here: str) -> str:
    text, path, anchor = link[1], link[2], link[3] or ""
    text = LINK.sub(lambda inner: _led(inner, here), text)
    target = _target(path, here)
    if target is None:
        is_folder = (ROOT / PurePosixPath(here).parent / path).is_dir()
        return text if is_folder else f"[{text}]({path}{anchor})"
    return f"[{text}]({relpath(_in_site(target), str(PurePosixPath(_in_site(here)).parent))}{anchor})"
