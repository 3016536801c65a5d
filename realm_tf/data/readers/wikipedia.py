# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""MediaWiki's XML dumps: pages, those that are no articles by reason, and articles as prose.

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

from realm_tf import config_corpus
from realm_tf.data import records
from realm_tf.data.readers import files, splitting, wiki_rules
from realm_tf.text import wikitext

_START, _END = b"<page>", b"</page>"
_LAST = b"</mediawiki>"
_HEAD_BYTES = 1 << 18
_KEPT_BYTES = 1 << 12  # a page's id is among its first, the dump's end among its last
_NAMESPACE = re.compile(r'<namespace key="(-2|6|14)"[^>]*>([^<]+)</namespace>')
_PAGE_ID = re.compile(rb"<id>(\d+)</id>")
_REDIRECT = re.compile(r"\s*#redirect\b", re.IGNORECASE)


class _Page(NamedTuple):
    """What matters of a page."""

    number: int
    title: str
    namespace: int
    is_redirect: bool
    model: str
    source: str
    metadata: dict


def units(file: str, root: str, options: config_corpus.CorpusConfig) -> list[records.Unit]:
    """Divides a dump for parallel work; see `splitting`."""
    return splitting.units(file, root, options.split_bytes)


def read(
    unit: records.Unit, options: config_corpus.CorpusConfig
) -> Iterator[records.Record | records.Dropped | records.Problem]:
    """Reads the pages that begin in the unit; `number` is the page's id.

    Raises:
      UserError: If the file is missing.
      files.DamagedError: After the pages before the damage.
    """
    namespaces = wikitext.NAMESPACES | _own_namespaces(unit.file)
    for data, size in _pages(unit, options.max_record_bytes):
        found = _PAGE_ID.search(data)
        number = int(found[1]) if found else 0
        if size > options.max_record_bytes:
            yield records.too_long(unit.file, number, size, options.max_record_mb)
            continue
        try:
            yield _read_page(unit.file, _parse(data), options, namespaces)
        except (ElementTree.ParseError, ValueError) as error:
            yield records.Problem(unit.file, number, f"not a page of a dump: {error}.")
        except (mwparserfromhell.parser.ParserError, RecursionError) as error:
            yield records.Problem(unit.file, number, f"its wikitext cannot be parsed: {error}.")


def _pages(unit: records.Unit, max_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Every page with its size; of one that is too long, its beginning.

    Raises:
      DamagedError: If the file ends within a page, or the last unit without the dump's end.
    """
    held, own = b"", 0  # what is not yet let go, and how much of it is the unit's
    position, inside, size = 0, False, 0  # place in it; of a page that begins there: bytes let go
    for piece, is_own in splitting.pieces(unit):
        searched = max(position, len(held) - len(_END) + 1)
        held += piece
        own += len(piece) if is_own else 0
        while True:
            if not inside:
                start = held.find(_START, position)
                if start < 0:
                    break
                if start >= own:
                    return
                position, inside, searched = start, True, start
            end = held.find(_END, searched)
            if end < 0:
                break
            inner = held.rfind(_START, position + 1, end)
            if inner > 0:  # the page has lost its end: let not the next one be lost with it
                yield held[position:inner], size + inner - position
                position, inside, size = inner, False, 0
                continue
            yield held[position : end + len(_END)], size + end + len(_END) - position
            position, inside, size = end + len(_END), False, 0
        if not inside and not is_own:
            return
        gone = position if inside else max(position, len(held) - _KEPT_BYTES)
        held, own, position = held[gone:], own - gone, 0
        if inside and size + len(held) > max_bytes:
            held, own, size = _shortened(held, own, size)
    if inside:
        raise files.DamagedError("the file ends within a page: it was cut off")
    if unit.byte_limit < 0 and _LAST not in held:
        raise files.DamagedError(f"the file ends without {_LAST.decode()}: it was cut off")


def _shortened(held: bytes, own: int, size: int) -> tuple[bytes, int, int]:
    """Lets go of the middle of a page that is too long, so that memory stays bounded."""
    gone = len(held) - 2 * _KEPT_BYTES
    if gone <= 0:
        return held, own, size
    return held[:_KEPT_BYTES] + held[-_KEPT_BYTES:], max(1, own - gone), size + gone


def _own_namespaces(file: str) -> frozenset[str]:
    """Lower-case names of the wiki's own namespaces of files and categories."""
    held = b""
    try:
        for chunk in files.chunks(file):
            held += chunk
            if b"</namespaces>" in held or len(held) > _HEAD_BYTES:
                break
    except files.DamagedError:
        pass  # whoever reads its pages says so
    found = _NAMESPACE.findall(held[:_HEAD_BYTES].decode("utf-8", "replace"))
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
    file: str, page: _Page, options: config_corpus.CorpusConfig, namespaces: frozenset[str]
) -> records.Record | records.Dropped:
    if page.number < 0:
        raise ValueError("it has no id")
    if reason := _why_dropped(page, options):
        return records.Dropped(file, page.number, reason)
    text = wikitext.to_text(
        page.source,
        namespaces=namespaces,
        no_prose=wiki_rules.NO_PROSE,
        keep_headings=options.keep_headings,
    )
    return records.Record(page.number, str(page.number), page.title, text, page.metadata)


def _why_dropped(page: _Page, options: config_corpus.CorpusConfig) -> str | None:
    if page.namespace not in options.namespaces:
        return "namespace"
    if page.is_redirect:
        return "redirect"
    if page.model != "wikitext":
        return "not_wikitext"
    if options.drop_disambiguation and wiki_rules.is_disambiguation(page.title, page.source):
        return "disambiguation"
    if options.drop_lists and wiki_rules.is_list(page.title):
        return "list"
    return None
