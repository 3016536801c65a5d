# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes MediaWiki dumps of our own text."""

import bz2
from xml.sax import saxutils

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10" xml:lang="de">
  <siteinfo>
    <namespaces>
      <namespace key="-2" case="first-letter">Medium</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">Datei</namespace>
      <namespace key="14" case="first-letter">Kategorie</namespace>
    </namespaces>
  </siteinfo>
"""
TAIL = "</mediawiki>\n"
PROSE = (
    "The '''old''' town has [[gate|gates]] and a {{lang|la|murus}}, which we know from twelve books"
)
PROSE += " that monks of its abbey wrote, and three more. "


def page(number, title, text, *, ns=0, redirect="", model="wikitext") -> str:
    """One page."""
    target = f'    <redirect title="{redirect}" />\n' if redirect else ""
    return f"""  <page>
    <title>{saxutils.escape(title)}</title>
    <ns>{ns}</ns>
    <id>{number}</id>
{target}    <revision>
      <id>{number + 1000}</id>
      <timestamp>2020-01-01T00:00:00Z</timestamp>
      <model>{model}</model>
      <text xml:space="preserve">{saxutils.escape(text)}</text>
    </revision>
  </page>
"""


def pages(count: int) -> list[str]:
    """Articles, each with its number in its text."""
    return [page(n, f"Town {n}", PROSE + f"Number {n}. " * (n % 7)) for n in range(1, count + 1)]


def write(path, made, head=HEAD, tail=TAIL) -> str:
    """One stream, compressed if the name says so."""
    data = (head + "".join(made) + tail).encode()
    path.write_bytes(bz2.compress(data) if path.suffix == ".bz2" else data)
    return str(path)


def write_multistream(path, made, every: int) -> str:
    """A dump compressed as Wikipedia does: head, some pages and tail, each a stream."""
    groups = ["".join(made[i : i + every]) for i in range(0, len(made), every)]
    path.write_bytes(b"".join(bz2.compress(part.encode()) for part in [HEAD, *groups, TAIL]))
    return str(path)


def write_cut_streams(path, made, size: int) -> str:
    """A dump compressed as pbzip2 does: streams begin anywhere in a page."""
    data = (HEAD + "".join(made) + TAIL).encode()
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    path.write_bytes(b"".join(map(bz2.compress, parts)))
    return str(path)
