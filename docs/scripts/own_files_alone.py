"""A hook of mkdocs: a page that loads anything from another place is a warning, and a strict build fails."""

import logging
import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=\"(https?://[^\"]+)\"")
_log = logging.getLogger("mkdocs.hooks.own_files_alone")


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Looks at the finished page; a canonical address of the site itself is none that it loads."""
    for address in LOADED.findall(output):
        if not (config.site_url and address.startswith(config.site_url)):
            _log.warning("%s loads %s: keep everything in the site", page.file.src_uri, address)
    return output
