# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Removes from wikitext, in linear time, tables, references and markup without its closing part.

Tables, references, comments, and tags of formulas, galleries, program text and the like go with all
that is in them; of openings without an end, and ends without an opening, the mark alone goes.
"""

from __future__ import annotations

import collections
import re

_MAX_DEPTH = 20  # what is nested deeper is removed: the parser itself gives up at 40, slowly
_PASSES = 3  # what is removed may leave something at the start of its line
_OPAQUE = (
    "nowiki|pre|math|chem|ce|gallery|timeline|score|graph|imagemap|templatedata|hiero|source"
    "|syntaxhighlight"
)
_TOKEN = re.compile(
    rf"<(?P<opaque>{_OPAQUE})\b[^<>]*(?<!/)>"
    r"|<(?P<slash>/?)(?P<tag>[a-z][a-z0-9]*)\b[^<>]*?(?P<void>/?)>"
    r"|^[ \t:*#]*(?P<table>\{\|)|^[ \t]*(?P<end>\|\})(?!\})"
    r"|(?P<pair>\{\{|\}\}|\[\[|\]\])"
    r"|(?P<url>\[)(?=(?:https?|ftp|news|irc|mailto):|//)|(?P<close>\])|(?P<line>\n)",
    re.IGNORECASE | re.MULTILINE,
)
# These, and tables, go with all that is in them.
_NO_PROSE_NAMES = (
    "ref references table gallery math chem ce timeline score graph imagemap templatedata inputbox"
    " categorytree hiero source syntaxhighlight section includeonly style script templatestyles"
    " mapframe maplink indicator"
)
_NO_PROSE = frozenset(_NO_PROSE_NAMES.split())
# These only begin a line, with or without their ends, which are often missing.
_LINE_NAMES = "li dt dd ul ol dl td tr th p"
_LINES = frozenset(_LINE_NAMES.split())
_VOID_NAMES = "br hr wbr img references link meta section"  # have no end
_VOID = frozenset(_VOID_NAMES.split())
_PARTNER = {"}}": "{{", "]]": "[[", "|}": "{|", "]": "["}
_STRAY = re.compile(r"<(?![a-z/][^<>]*>)", re.IGNORECASE)  # "x < y", "<div " without its end


def prune(source: str) -> str:
    """The wikitext without tables, references and other markup that is no prose or is not closed.

    What stands in `<nowiki>` and `<pre>` is left as it is.
    """
    for _ in range(_PASSES):
        source = _pruned_once(source)
        pairs = all(source.count(mark) == source.count(end) for mark, end in ("{}", "[]", "<>"))
        if pairs and "{|" not in source:
            break
    return source


def _pruned_once(source: str) -> str:
    source = _STRAY.sub("&lt;", _without_comments(source))
    for brace in "{}":
        if brace * 3 in source:
            source = re.sub(f"[{brace}]{{3,}}", _without_odd_one, source)
    scan = _Scan(source)
    position = 0
    while token := _TOKEN.search(source, position):
        position = token.end()
        if token["opaque"]:
            position = scan.skip(token)
        elif token["line"]:
            scan.end_line()
        else:
            scan.take(token)
    return scan.finish()


class _Scan:
    """The state of a scan: markup that was opened and not yet closed, and ranges to be removed."""

    def __init__(self, source: str):
        self._source = source
        self._waiting: list[tuple[str, int, int]] = []
        self._count: collections.Counter[str] = collections.Counter()
        self._changed: list[tuple[int, int, str]] = []
        self._unended: set[str] = set()

    def skip(self, token: re.Match[str]) -> int:
        """Where reading goes on behind a tag whose contents are no wikitext."""
        name = token["opaque"].lower()
        if name not in self._unended:
            end = re.compile(f"</{name}\\s*>", re.IGNORECASE).search(self._source, token.end())
            if end:
                if name in _NO_PROSE:
                    self._remove(token.start(), end.end())
                return end.end()
            self._unended.add(name)
        self._remove(*token.span())
        return token.end()

    def end_line(self) -> None:
        """Links to other sites end with their line."""
        while self._waiting and self._waiting[-1][0] == "[":
            self._drop(self._waiting.pop())

    def take(self, token: re.Match[str]) -> None:
        """Takes an opening or an end."""
        if token["tag"]:
            self._tag(token)
            return
        group = next(name for name in ("table", "end", "pair", "url", "close") if token[name])
        mark = token[group]
        self._mark(_PARTNER.get(mark, mark), mark in _PARTNER, token.span(group))

    def _tag(self, token: re.Match[str]) -> None:
        name = token["tag"].lower()
        if name in _LINES:
            self._changed.append((*token.span(), "<br>"))
        elif name not in _VOID and not token["void"]:
            self._mark(f"<{name}", bool(token["slash"]), token.span())
        elif token["slash"] or name in _NO_PROSE:  # "</br>", "<ref name='a' />"
            self._remove(*token.span())

    def _mark(self, opening: str, is_end: bool, span: tuple[int, int]) -> None:
        if not is_end:
            self._waiting.append((opening, *span))
            self._count[opening] += 1
        elif self._count[opening]:
            self._close(opening, span)
        elif opening != "[":
            self._remove(*span)

    def _close(self, opening: str, span: tuple[int, int]) -> None:
        while True:
            mark, *place = opened = self._waiting.pop()
            if mark != opening:
                self._drop(opened)
                continue
            self._count[mark] -= 1
            if mark == "{|" or mark[1:] in _NO_PROSE:
                self._remove(place[0], span[1])
            elif len(self._waiting) >= _MAX_DEPTH:
                self._remove(*place)
                self._remove(*span)
            return

    def _drop(self, opened: tuple[str, int, int]) -> None:
        mark, start, limit = opened
        self._count[mark] -= 1
        self._remove(start, limit)

    def _remove(self, start: int, limit: int) -> None:
        self._changed.append((start, limit, ""))

    def finish(self) -> str:
        """The source with the changes made; what is inside of a change is gone with it."""
        self._changed += [(start, limit, "") for _, start, limit in self._waiting]
        kept, position = [], 0
        for start, limit, instead in sorted(self._changed):
            if start >= position:
                kept += [self._source[position:start], instead]
            position = max(position, limit)
        return "".join([*kept, self._source[position:]])


def _without_odd_one(braces: re.Match[str]) -> str:
    """Of "{{{1|x}}}", a template's parameter, or "{{a|{b}}}", what pairs can be made of."""
    return braces[0][: len(braces[0]) // 2 * 2]


def _without_comments(source: str) -> str:
    """Removes comments as MediaWiki does: a comment that never ends goes to the end of the page."""
    if "<!--" not in source:
        return source
    kept = []
    while source:
        before, _, rest = source.partition("<!--")
        kept.append(before)
        source = rest.partition("-->")[2]
    return "".join(kept)
