# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Turns the wikitext of a Wikipedia page into plain prose, with mwparserfromhell.

The parser takes quadratic time over openings that are never closed, and nothing can interrupt it;
so `wiki_pruning` goes first, and leaves it only what has a partner.

Dropped with all that is in them: templates (but `wiki_templates`), tables, references, files,
categories, links to other languages, formulas, galleries, program text, comments. Kept: the text of
links, list items and headings, each on a line of its own. The lines of one paragraph become one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator

import mwparserfromhell
from mwparserfromhell import nodes, wikicode

from realm_tf.data.corpus.wiki import pruning as wiki_pruning
from realm_tf.data.corpus.wiki import templates as wiki_templates

# Any change to what becomes of a page must change this.
WIKITEXT_VERSION = 1

_LINE_TAG_NAMES = "br hr p div blockquote center li ul ol dl dt dd poem pre h1 h2 h3 h4 h5 h6"
_LINE_TAGS = frozenset(_LINE_TAG_NAMES.split())
_OTHER_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*:|simple:")
_SISTERS = re.compile(r"(?:w|wikt|s|b|q|n|v|m|c|d|commons|wiktionary|wikisource|meta):+", re.I)
_EXPONENT = re.compile(r"[-\u2212+]?\d")
_MAGIC_WORD = re.compile(r"__[A-Z]{3,}__")
_QUOTES = re.compile(r"'{2,}")
# Marks that `_pieces` writes: a heading with its level, a line that does not continue the last one.
_HEADING = re.compile("\ue000(\\d)(.*)")
_BREAK = "\ue001"
_MARKS = re.compile("[\ue000\ue001]")
_JOINED = re.compile("(?<=[^\n])\n(?=[^\n\ue000\ue001 ])")  # MediaWiki shows these as a blank
_TAG = re.compile(
    r"</?(blockquote|center|span|small|big|code|cite|font|div|sub|sup|pre|dl|dd|dt|ul|ol|li|td|tr|th"
    r"|em|tt|br|hr|h[1-6]|abbr|var|poem|ref|p|b|i|u|s|q)\b[^<>\n]*>",
    re.IGNORECASE,
)
_RULE = re.compile(r"^-{4,}", re.MULTILINE)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)

NAMESPACES = frozenset({"file", "image", "media", "category"})


def to_text(
    source: str,
    *,
    namespaces: Collection[str] = NAMESPACES,
    no_prose: Collection[str] = (),
    keep_headings: bool = True,
) -> str:
    """The prose of a Wikipedia page, made from its wikitext.

    Args:
      source: Wikitext of the page.
      namespaces: Lower-case names of the namespaces whose links show no text.
      no_prose: Lower-case headings of sections to drop, with the sections inside them.
      keep_headings: Whether headings stay as lines of their own; empty sections' never do.

    Returns:
      Text with too much white space, which `text.cleaning` and `leftovers` remove.

    Raises:
      mwparserfromhell.parser.ParserError: If the parser fails, which is its fault, not the page's.
    """
    pruned = wiki_pruning.prune(_MARKS.sub("", source))
    parsed = mwparserfromhell.parse(pruned, skip_style_tags=True)
    text = "".join(_pieces(parsed, namespaces))
    text = _QUOTES.sub("", _MAGIC_WORD.sub("", _RULE.sub("", text)))
    text = _INDENT.sub("", _JOINED.sub(" ", text).replace(_BREAK, ""))
    return "\n".join(_sections(text, no_prose, keep_headings))


def _pieces(code: wikicode.Wikicode | None, namespaces: Collection[str]) -> Iterator[str]:
    for node in code.nodes if code is not None else ():
        if isinstance(node, nodes.Text):
            yield _unparsed(node.value)
        elif isinstance(node, nodes.Wikilink):
            yield _link(node, namespaces)
        elif isinstance(node, nodes.ExternalLink):
            yield _external(node, namespaces)
        elif isinstance(node, nodes.HTMLEntity):
            yield _entity(node)
        elif isinstance(node, nodes.Tag):
            yield _tag(node, namespaces)
        elif isinstance(node, nodes.Heading):
            title = " ".join(_text(node.title, namespaces).split())
            yield f"\n\ue000{node.level}{title}\n"
        elif isinstance(node, nodes.Template):
            yield _template(node, namespaces)


def _text(code: wikicode.Wikicode | None, namespaces: Collection[str]) -> str:
    return "".join(_pieces(code, namespaces))


def _unparsed(text: str) -> str:
    """Text without the tags and entities that the parser took for text."""
    if "<" in text:
        text = _TAG.sub(lambda tag: "\n" if tag[1].lower() in _LINE_TAGS else "", text)
    return html.unescape(text) if "&" in text else text


def _link(node: nodes.Wikilink, namespaces: Collection[str]) -> str:
    title = str(node.title).strip()
    if title.startswith(":"):
        title = title[1:]
    else:
        namespace = title.partition(":")[0].strip().lower().replace("_", " ")
        if namespace in namespaces or (node.text is None and _OTHER_LANGUAGE.match(title)):
            return ""
    if node.text is not None:
        return _text(node.text, namespaces)
    return html.unescape(_SISTERS.sub("", title, count=1)).replace("_", " ")


def _external(node: nodes.ExternalLink, namespaces: Collection[str]) -> str:
    if node.title is not None:
        return _text(node.title, namespaces)
    return "" if node.brackets else str(node.url)


def _entity(node: nodes.HTMLEntity) -> str:
    try:
        return node.normalize()
    except (KeyError, ValueError, OverflowError):  # "&000nbsp;", and numbers of no character
        return str(node)


def _tag(node: nodes.Tag, namespaces: Collection[str]) -> str:
    name = str(node.tag).strip().lower()
    if node.wiki_markup in ("*", "#", ":", ";"):
        return _BREAK  # an item has a line of its own
    contents = _text(node.contents, namespaces)
    if name == "sup" and _EXPONENT.match(contents):
        return f"^{contents}"
    if name in ("pre", "poem"):
        contents = contents.replace("\n", f"\n{_BREAK}")
    if name in _LINE_TAGS:
        return f"\n{_BREAK}{contents}\n{_BREAK}" if contents else f"\n{_BREAK}"
    return contents


def _template(node: nodes.Template, namespaces: Collection[str]) -> str:
    name = str(node.name).strip()
    if len(name) > 40:
        return ""
    arguments = [p.value for p in node.params if not p.showkey]
    if not wiki_templates.shown(name, ["1"] * len(arguments)):
        return ""  # most: nothing of it has to be made
    return wiki_templates.shown(name, [_text(a, namespaces).strip() for a in arguments])


def _sections(text: str, no_prose: Collection[str], keep_headings: bool) -> Iterator[str]:
    """The lines without the sections to drop, and without headings that nothing follows."""
    dropped = 0  # level of the section that is being dropped
    waiting: list[tuple[int, str]] = []  # headings that no line has followed yet
    for line in text.split("\n"):
        heading = _HEADING.match(line)
        if heading:
            level, title = int(heading.group(1)), heading.group(2)
            if not dropped or level <= dropped:
                dropped = level if title.lower() in no_prose else 0
            if not dropped:
                waiting = [(above, t) for above, t in waiting if above < level] + [(level, title)]
        elif not dropped:
            if waiting and line.strip():
                if keep_headings:
                    yield from ("\n" + title for _, title in waiting)
                yield ""
                waiting = []
            yield line
