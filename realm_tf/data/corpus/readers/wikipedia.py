# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the XML dumps of MediaWiki (Wikipedia): articles as prose; other pages are dropped.

Pages are found by their tags, which cannot stand in a page's text (there `<` is `&lt;`), and parsed
one by one: memory is bounded by the longest page, a page that is damaged is named and the next one
is read, and no entities can be declared inside a page (https://www.mediawiki.org/xml/export-0.11/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

import mwparserfromhell.parser

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import splitting
from realm_tf.data.corpus.wiki import rules as wiki_rules
from realm_tf.data.corpus.wiki import wikitext
from realm_tf.text.inputs import streams

_START, _END = b"<page>", b"</page>"
_FIRST, _LAST = b"<mediawiki", b"</mediawiki>"
_HEAD_BYTES = 1 << 18
_KEPT_BYTES = 1 << 12  # a page's id is among its first, the dump's end among its last
_NAMESPACE = re.compile(r'<namespace key="(-2|6|14)"[^>]*>([^<]+)</namespace>')
_PAGE_ID = re.compile(rb"<id>(\d+)</id>")
_REDIRECT = re.compile(r"\s*#redirect\b", re.IGNORECASE)


class _Page(NamedTuple):
    """A page of a dump, with what is needed of it."""

    number: int
    title: str
    namespace: int
    is_redirect: bool
    model: str
    source: str
    metadata: dict


def units(file: str, root: str, corpus_config: config_lib.CorpusConfig) -> list[records.Unit]:
    """Divides a Wikipedia dump into units for parallel work; `splitting` says where it is cut."""
    return splitting.units(file, root, corpus_config.split_bytes)


def read(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Dropped | records.Problem]:
    """Reads the pages of a Wikipedia dump that begin in the unit; `number` is the id of the page.

    Raises:
      UserError: If the file is missing.
      streams.DamagedError: After the pages before the damage.
    """
    head = _head(unit.file)
    namespaces = wikitext.NAMESPACES | _own_namespaces(head)
    for data, size in _pages(unit, corpus_config.max_record_bytes, is_whole=_FIRST in head):
        found = _PAGE_ID.search(data)
        number = int(found[1]) if found else 0
        if size > corpus_config.max_record_bytes:
            yield records.too_long(unit.file, number, size, corpus_config.max_record_mb)
            continue
        try:
            yield _read_page(unit.file, _parse(data), corpus_config, namespaces)
        except (ElementTree.ParseError, ValueError) as error:
            yield records.Problem(unit.file, number, f"not a page of a dump: {error}.")
        except (mwparserfromhell.parser.ParserError, RecursionError) as error:
            yield records.Problem(unit.file, number, f"its wikitext cannot be parsed: {error}.")


def _pages(unit: records.Unit, max_bytes: int, *, is_whole: bool) -> Iterator[tuple[bytes, int]]:
    """Yields every page with its size; of a page that is too long only its beginning and its end.

    Args:
      unit: Part of a dump.
      max_bytes: The longest page that is read.
      is_whole: Whether the file begins as a dump does, and so must end as one: others have cut
        dumps between pages.

    Raises:
      DamagedError: If the file ends within a page, or the last unit without the dump's end; if what
        should be a dump has no page.
    """
    scan = _PageScan(max_bytes)
    for piece, is_own in splitting.pieces(unit):
        yield from scan.feed(piece, is_own=is_own)
        if scan.is_done:
            return
    scan.check_end(is_dumps_end=is_whole and unit.byte_limit < 0)
    if not (is_whole or scan.has_pages) and unit.byte_start == 0:
        raise streams.DamagedError("there is no <mediawiki> and no <page>: it is no dump")


class _PageScan:
    """Finds pages in the pieces of a dump, and holds no more of it than it needs."""

    def __init__(self, max_bytes: int):
        self._max_bytes = max_bytes
        self._held = b""
        self._own = 0  # so much of what is held is the unit's
        self._position = 0  # where the page begins, or what is read ends
        self._inside = False  # whether a page begins at the position
        self._let_go = 0  # bytes of this page
        self.has_pages = False
        self.is_done = False  # whether all pages of the unit were found

    def feed(self, piece: bytes, *, is_own: bool) -> Iterator[tuple[bytes, int]]:
        """The pages that end in the next piece."""
        searched = len(self._held) - len(_END) + 1
        self._held += piece
        self._own += len(piece) if is_own else 0
        while self._begin():
            end = self._held.find(_END, max(self._position, searched))
            if end < 0:
                break
            # A page that has lost its end must not take the next one with it.
            inner = self._held.rfind(_START, self._position + 1, end)
            yield self._take(inner if inner > 0 else end + len(_END))
        self.is_done = self.is_done or not (self._inside or is_own)
        self._forget()

    def check_end(self, *, is_dumps_end: bool) -> None:
        """Raises a `DamagedError` if the file ends too early."""
        if self._inside:
            raise streams.DamagedError("the file ends within a page: it was cut off")
        if is_dumps_end and _LAST not in self._held:
            raise streams.DamagedError(f"the file ends without {_LAST.decode()}: it was cut off")

    def _begin(self) -> bool:
        if not self._inside:
            start = self._held.find(_START, self._position)
            self.is_done = start >= self._own
            self._inside = 0 <= start < self._own
            self.has_pages = self.has_pages or self._inside
            self._position = start if self._inside else self._position
        return self._inside

    def _take(self, limit: int) -> tuple[bytes, int]:
        page = self._held[self._position : limit]
        size = self._let_go + len(page)
        self._position, self._inside, self._let_go = limit, False, 0
        return page, size

    def _forget(self) -> None:
        """Lets go of what was read, and of the middle of a page that is too long."""
        if not self._inside:  # a tag may begin at the end, or the dump end there
            self._position = max(self._position, len(self._held) - _KEPT_BYTES)
        self._held = self._held[self._position :]
        self._own -= self._position
        self._position = 0
        gone = len(self._held) - 2 * _KEPT_BYTES
        if self._inside and gone > 0 and self._let_go + len(self._held) > self._max_bytes:
            self._held = self._held[:_KEPT_BYTES] + self._held[-_KEPT_BYTES:]
            self._own = max(1, self._own - gone)
            self._let_go += gone


def _head(file: str) -> bytes:
    """What stands before the pages of a dump."""
    held = b""
    try:
        for chunk in streams.chunks(file):
            held += chunk
            if b"</namespaces>" in held or len(held) > _HEAD_BYTES:
                break
    except streams.DamagedError:
        pass  # whoever reads its pages says so
    return held[:_HEAD_BYTES].partition(_START)[0]


def _own_namespaces(head: bytes) -> frozenset[str]:
    """Lower-case names of the wiki's own namespaces of files and categories."""
    found = _NAMESPACE.findall(head.decode("utf-8", "replace"))
    return frozenset(name.lower() for _, name in found)


def _parse(data: bytes) -> _Page:
    page = ElementTree.fromstring(data)
    revision = page.findall("revision")[-1:] or [ElementTree.Element("revision")]
    source = revision[0].findtext("text") or ""
    return _Page(
        number=int(page.findtext("id") or "-1"),
        title=page.findtext("title") or "",
        namespace=int(page.findtext("ns") or 0),
        is_redirect=page.find("redirect") is not None or _REDIRECT.match(source) is not None,
        model=revision[0].findtext("model") or "wikitext",
        source=source,
        metadata={
            name: value
            for name, tag in (("revision", "id"), ("timestamp", "timestamp"))
            if (value := revision[0].findtext(tag))
        },
    )


def _read_page(
    file: str, page: _Page, corpus_config: config_lib.CorpusConfig, namespaces: frozenset[str]
) -> records.RawDocument | records.Dropped:
    if page.number < 0:
        raise ValueError("it has no id")
    if reason := _why_dropped(page, corpus_config):
        return records.Dropped(file, page.number, reason)
    text = wikitext.to_text(
        page.source,
        namespaces=namespaces,
        no_prose=wiki_rules.NO_PROSE,
        keep_headings=corpus_config.keep_headings,
    )
    return records.RawDocument(page.number, str(page.number), page.title, text, page.metadata)


def _why_dropped(page: _Page, corpus_config: config_lib.CorpusConfig) -> str | None:
    if page.namespace not in corpus_config.namespaces:
        return "namespace"
    if page.is_redirect:
        return "redirect"
    if page.model != "wikitext":
        return "not_wikitext"
    if corpus_config.drop_disambiguation and wiki_rules.is_disambiguation(page.title, page.source):
        return "disambiguation"
    if corpus_config.drop_lists and wiki_rules.is_list(page.title):
        return "list"
    return None
