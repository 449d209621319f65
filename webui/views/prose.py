"""Markdown that a program wrote, as a part of our page: no markup of its own, no picture from elsewhere."""

from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_READER = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])


def prose(text: str, raw: str) -> Markup:
    """`raw` is the address of the folder that the file lies in: pictures beside it are found there."""
    tokens = _READER.parse(text)
    _tame(tokens, raw)
    made: str = _READER.renderer.render(tokens, _READER.options, {})
    return Markup(made)  # nothing of it is markup of the text: `html` is off


def _tame(tokens: Iterable[Token], raw: str) -> None:
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"  # below the headings of the page
        if token.type == "image":
            _place(token, "src", raw)
        if token.type == "link_open":
            _place(token, "href", "")
            token.attrSet("rel", "noopener noreferrer nofollow")
        _tame(token.children or (), raw)


def _place(token: Token, name: str, raw: str) -> None:
    """A file beside it, or for links another site; everything else leads nowhere."""
    said = str(token.attrGet(name) or "")
    parts = urlsplit(said)
    beside = not parts.scheme and not parts.netloc and parts.path and not parts.path.startswith("/")
    if raw and beside and not {".", ".."} & set(unquote(parts.path).split("/")):  # browsers read `%2e` as a dot too
        token.attrSet(name, f"{raw}/{quote(parts.path, safe='/%')}")
    elif raw or (parts.scheme not in ("http", "https", "mailto") and not beside and not said.startswith("#")):
        token.attrSet(name, "data:," if raw else "#")
