# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rules for Wikipedia pages that are no articles, and for sections of articles that are no prose.

Blocks of such pages would only name other pages: they match a query's names without saying anything
about them. The REALM paper drops none explicitly; ORQA's and DPR's corpora dropped lists and
disambiguation pages (Karpukhin et al., 2020, section 4.1).

The names are those of the English Wikipedia and its Disambiguation template's redirects; a dump of
another language keeps such pages, unless they say `__DISAMBIG__` (Extension:Disambiguator) or use
one of the names of `_OTHER_TEMPLATES`.
"""

from __future__ import annotations

import re

_ENGLISH_TEMPLATES = (
    "airport disambiguation|biology disambiguation|call sign disambiguation|caselaw disambiguation"
    "|chinese title disambiguation|dab|dbig|disam|disamb|disambig|disambig-cleanup|disambigname"
    "|disambiguation|disambiguation cleanup|disambiguation page|genus disambiguation|geodab|geodis"
    "|geodisambig|hndab|hndis|hndisambig|hospital disambiguation|human name disambiguation"
    "|letter-number combination disambiguation|letter-numbercombdisambig|mathdab"
    "|mathematical disambiguation|military unit disambiguation|mil-unit-dis|molforminddis|numberdis"
    "|phonetics disambiguation|place name disambiguation|portal disambiguation|road disambiguation"
    "|roaddis|school disambiguation|schooldis|species latin name abbreviation disambiguation"
    "|species latin name disambiguation|station disambiguation|synagogue disambiguation|taxonomic "
    "authority disambiguation|taxonomy disambiguation|template disambiguation|wikipedia disambig"
)
_OTHER_TEMPLATES = (
    "begriffsklärung|homonymie|desambiguación|desambiguação|disambigua|doorverwijspagina"
    "|неоднозначность|ujednoznacznienie|förgrening|flertydig|rozcestník|egyért|täsmennyssivu"
    "|anlam ayr\u0131m\u0131|aimai|消歧义|消歧義|曖昧さ回避|동음이의"
)
_DISAMBIGUATION = re.compile(
    rf"\{{\{{\s*(?:{_ENGLISH_TEMPLATES}|{_OTHER_TEMPLATES})\s*(?:\||\}}\}})|__DISAMBIG__",
    re.IGNORECASE,
)
_MAY_REFER = re.compile(
    r"[^\n.]{1,100}\b(?:may|can|could) (?:also )?(?:refer|stand for)\b[^\n.]*:?"
)
_LIST_TITLE = re.compile(r"(?:Lists? of|Outline of|Index of|Timeline of|Glossary of)\b")

# Headings, in lower case, of sections whose lines are links, sources or captions.
NO_PROSE = frozenset(
    (
        "bibliography",
        "citations",
        "discography",
        "explanatory notes",
        "external links",
        "filmography",
        "footnotes",
        "further reading",
        "gallery",
        "general references",
        "image gallery",
        "notes",
        "notes and references",
        "references",
        "references and notes",
        "related pages",
        "see also",
        "selected bibliography",
        "sources",
        "works cited",
    )
)


def is_disambiguation(title: str, source: str) -> bool:
    """Whether the title or a template of a Wikipedia page says that it is a disambiguation page."""
    return title.endswith("(disambiguation)") or _DISAMBIGUATION.search(source) is not None


def reads_as_disambiguation(title: str, text: str) -> bool:
    """Whether a text without templates is a disambiguation page: its first line "may refer to"."""
    first = text.lstrip().partition("\n")[0].rstrip()
    return title.endswith("(disambiguation)") or _MAY_REFER.fullmatch(first) is not None


def is_list(title: str) -> bool:
    """Whether the title of a Wikipedia page says that it is a list of pages and not an article."""
    return _LIST_TITLE.match(title) is not None
