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
from collections.abc import Collection, Iterator, Mapping

import mwparserfromhell
from mwparserfromhell import nodes, wikicode

from realm_tf.data.corpus.wiki import pruning as wiki_pruning
from realm_tf.data.corpus.wiki import quotes as wiki_quotes
from realm_tf.data.corpus.wiki import templates as wiki_templates

# Any change to what becomes of a page must change this.
WIKITEXT_VERSION = 2

_LINE_TAG_NAMES = "br hr p div blockquote center li ul ol dl dt dd poem pre h1 h2 h3 h4 h5 h6"
_LINE_TAGS = frozenset(_LINE_TAG_NAMES.split())
_OTHER_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*:|simple:")
_SISTERS = re.compile(r"(?:w|wikt|s|b|q|n|v|m|c|d|commons|wiktionary|wikisource|meta):+", re.I)
_EXPONENT = re.compile(r"[-\u2212+]?\d")
_MAGIC_WORD = re.compile(r"__[A-Z]{3,}__")
# Marks that `_pieces` writes: a heading with its level; a line that does not continue the last one;
# what parts apostrophes that are not one run.
_HEADING = re.compile("\ue000(\\d)(.*)")
_BREAK = "\ue001"
_APART = "\ue002"
_MARKS = re.compile("[\ue000-\ue002]")
_JOINED = re.compile("(?<=[^\n])\n(?=[^\n\ue000\ue001 ])")  # MediaWiki shows these as a blank
_TAG = re.compile(
    r"</?(blockquote|center|span|small|big|code|cite|font|div|sub|sup|pre|dl|dd|dt|ul|ol|li|td|tr|th"
    r"|em|tt|br|hr|h[1-6]|abbr|var|poem|ref|p|b|i|u|s|q)\b[^<>\n]*>",
    re.IGNORECASE,
)
_BEFORE_WORDS = ' ([/\u2013\u2014\u2018\u201c"'
_GOES_ON = re.compile(r"(?:'s)?,? [a-z(]")  # a sentence, behind its first word
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
    text = wiki_quotes.remove(_MAGIC_WORD.sub("", _RULE.sub("", text))).replace(_APART, "")
    text = _INDENT.sub("", _JOINED.sub(" ", text).replace(_BREAK, ""))
    return "\n".join(_sections(text, no_prose, keep_headings))


def _pieces(code: wikicode.Wikicode | None, namespaces: Collection[str]) -> Iterator[str]:
    siblings = code.nodes if code is not None else []
    said = ""  # the end of it
    for place, node in enumerate(siblings):
        if isinstance(node, nodes.Template):
            after = str(siblings[place + 1])[:9] if place + 1 < len(siblings) else ""
            piece = _template(node, namespaces, in_sentence=_is_in_sentence(said, after))
        else:
            piece = _piece(node, namespaces)
        said = (said + piece)[-99:]
        yield piece


def _piece(node: nodes.Node, namespaces: Collection[str]) -> str:
    if isinstance(node, nodes.Text):
        return _unparsed(node.value)
    if isinstance(node, nodes.Wikilink):
        return _link(node, namespaces)
    if isinstance(node, nodes.ExternalLink):
        return _external(node, namespaces)
    if isinstance(node, nodes.HTMLEntity):
        return _literal(_entity(node))
    if isinstance(node, nodes.Tag):
        return _tag(node, namespaces)
    if isinstance(node, nodes.Heading):
        title = " ".join(_text(node.title, namespaces).split())
        return f"\n\ue000{node.level}{title}\n"
    return ""


def _text(code: wikicode.Wikicode | None, namespaces: Collection[str]) -> str:
    return "".join(_pieces(code, namespaces))


def _plain(code: wikicode.Wikicode | None, namespaces: Collection[str]) -> str:
    """The text of what has bold and italic parts of its own."""
    return wiki_quotes.remove(_text(code, namespaces)).replace(_APART, "")


def _literal(text: str) -> str:
    """The text with apostrophes that are no marks of bold or italics."""
    return text.replace("'", f"{_APART}'{_APART}")


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
        return _literal(_plain(node.text, namespaces))
    return _literal(html.unescape(_SISTERS.sub("", title, count=1)).replace("_", " "))


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
    if name == "nowiki":
        return _literal(contents) or _APART
    if name == "sup" and _EXPONENT.match(contents):
        return f"^{contents}"
    if name in ("pre", "poem"):
        contents = contents.replace("\n", f"\n{_BREAK}")
    if name in _LINE_TAGS:
        return f"\n{_BREAK}{contents}\n{_BREAK}" if contents else f"\n{_BREAK}"
    return contents


class _Arguments(Mapping[str, str]):
    """Text of a template's arguments by name, made when it is asked for; the last of equal ones."""

    def __init__(self, node: nodes.Template, namespaces: Collection[str]):
        self._values = {str(p.name).strip(): p.value for p in node.params}
        self._namespaces = namespaces
        self._made: dict[str, str] = {}  # made but once: what is nested would be made 2^depth times

    def __getitem__(self, name: str) -> str:
        if name not in self._made:
            self._made[name] = _plain(self._values[name], self._namespaces).strip()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _template(node: nodes.Template, namespaces: Collection[str], *, in_sentence: bool) -> str:
    name = _plain(node.name, namespaces).strip()
    arguments = _Arguments(node, namespaces)
    return _literal(wiki_templates.shown(name, arguments, in_sentence=in_sentence))


def _is_in_sentence(said: str, after: str) -> bool:
    """Whether a template stands between words; notes touch the word before, boxes have a line."""
    line = said.rpartition("\n")[2].replace(_APART, "").rstrip("'")
    if line.strip(f" \t:*#;'{_BREAK}"):
        return line[-1] in _BEFORE_WORDS
    return _GOES_ON.match(after) is not None


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
