# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the output of WikiExtractor: JSON lines, or `<doc id=... title=...>` around a page's text.

https://github.com/attardi/wikiextractor. Its files are named wiki_00, wiki_01, ... Its older
versions leave wikitext in some lines, which is removed line by line.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import fields, jsonl
from realm_tf.data.corpus.wiki import rules as wiki_rules
from realm_tf.data.corpus.wiki import wikitext
from realm_tf.text.inputs import lines, streams

_DOC = re.compile(rb"<doc\s.*\bid=.*>\s*\Z")
# Titles are not escaped: they may hold quotes, and what ends an attribute is the next one.
_ATTRIBUTE = re.compile(r'(\w+)="(.*?)"(?=\s+\w+="|\s*\Z)')

_WIKITEXT = re.compile(r"\[\[|\]\]|\{\{|\}\}|\{\||\|\}|'{3}|^[*#;:]|^\|", re.MULTILINE)

_Found = records.RawDocument | records.Dropped | records.Problem


def read(unit: records.Unit, corpus_config: config_lib.CorpusConfig) -> Iterator[_Found]:
    """Reads the pages of a WikiExtractor file; `number` is the line at which the page begins.

    Raises:
      UserError: If the file is missing.
      streams.DamagedError: After the pages before the damage.
    """
    every = lines.lines(unit.file, corpus_config.max_record_bytes)
    first = next((line for line in every if line.text.strip()), None)
    if first is None:
        return
    is_tagged = first.text.lstrip().startswith(b"<doc")
    for found in (_tagged if is_tagged else jsonl.read)(unit, corpus_config):
        if not isinstance(found, records.RawDocument):
            yield found
            continue
        line, _, rest = found.text.lstrip().partition("\n")
        if line.strip() == found.title:  # some versions repeat it
            found = found._replace(text=rest)
        if corpus_config.drop_disambiguation and wiki_rules.reads_as_disambiguation(
            found.title, found.text
        ):
            yield records.Dropped(unit.file, found.number, "disambiguation")
        elif corpus_config.drop_lists and wiki_rules.is_list(found.title):
            yield records.Dropped(unit.file, found.number, "list")
        else:
            yield found._replace(text=_without_wikitext(found.text))


def _without_wikitext(text: str) -> str:
    if not _WIKITEXT.search(text):
        return text
    kept = (line for line in text.split("\n") if not line.startswith("|"))  # of broken tables
    return "\n".join(wikitext.to_text(s) if _WIKITEXT.search(s) else s for s in kept)


def _tagged(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    head: lines.Line | None = None  # of the page being read
    size = 0
    body: list[bytes] = []
    for line in lines.lines(unit.file, corpus_config.max_record_bytes):
        is_head = line.text.startswith(b"<doc") and _DOC.match(line.text) is not None
        if head is not None and is_head:
            yield records.Problem(unit.file, head.number, "the page has no </doc>.")
        if is_head:
            head, size, body = line, 0, []
        elif head is None:
            if line.text.strip() or line.is_too_long:
                message = "text between two pages: a line <doc id=... title=...> is missing."
                yield records.Problem(unit.file, line.number, message)
        elif line.text.strip() == b"</doc>":
            yield _page(unit.file, head, size, body, corpus_config)
            head = None
        else:
            size += line.size + 1
            if size <= corpus_config.max_record_bytes:
                body.append(line.text)
    if head is not None:
        raise streams.DamagedError(
            f"the page of line {head.number} has no </doc>: the file was cut off"
        )


def _page(
    file: str,
    head: lines.Line,
    size: int,
    body: list[bytes],
    corpus_config: config_lib.CorpusConfig,
) -> records.RawDocument | records.Problem:
    number = head.number
    if size > corpus_config.max_record_bytes:
        return records.too_long(file, number, size, corpus_config.max_record_mb)
    try:
        inside = lines.decode(head.text).strip().removeprefix("<doc").removesuffix(">")
        attributes = {n: html.unescape(v) for n, v in _ATTRIBUTE.findall(inside)}
        text = lines.decode(b"\n".join(body))
        values = {**attributes, corpus_config.text_field: text}
        return fields.raw_document(number, values, corpus_config)
    except lines.BadRecordError as error:
        return records.Problem(file, number, str(error))
