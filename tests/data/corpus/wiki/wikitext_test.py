# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wikitext becomes prose."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf.data.corpus.wiki import wikitext
from realm_tf.text import cleaning


def text(source, **options) -> str:
    return cleaning.clean(re.sub(" +", " ", wikitext.to_text(source, **options)))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("'''Bold''' and ''italic'', '''''both'''''", "Bold and italic, both"),
        ("broken '''bold'' here", "broken bold here"),
        (
            "[[Town]], [[town|towns]]s, [[Town#Gates|gate]], [[New_Town]]",
            "Town, townss, gate, New Town",
        ),
        ("[[File:a.png|thumb|A [[town]]]]a[[image:b.png]][[Category:Towns]]", "a"),
        (
            "[[:Category:Towns]] [[fr:Ville]] [[wikt:town|a town]] [[wikt:town]]",
            "Category:Towns a town town",
        ),
        ("[http://a.org the site] [http://a.org] [[35&nbsp;mm film]]", "the site 35 mm film"),
        ("{{Infobox|a=[[b]]\n|c=d}}\nText{{cite web|url=x}}.", "Text."),
        (
            "{{lang|fr|une ville}}, {{convert|5|km|mi|0}}, {{convert|3|to|4|m}}",
            "une ville, 5 km, 3 to 4 m",
        ),
        ("{{circa|1900}} a{{ndash}}b {{nowrap|[[a|b]] c}} {{unknown|x}}", "c. 1900 a\u2013b b c"),
        ("{{Quote|text=x|[[said]]}}", "said"),
        ("a<ref>b</ref> c<ref name=d/> <!-- e -->f", "a c f"),
        ("H<sub>2</sub>O, 10<sup>5</sup>, 19<sup>th</sup>", "H2O, 10^5, 19th"),
        ("a&nbsp;b &ndash; &lt;c&gt; &#8364;", "a b \u2013 <c> \u20ac"),
        ("a<math>x^2</math> b<gallery>c</gallery>", "a b"),
        ("{| class=x\n! a\n|-\n| b\n|}\nc", "c"),
        ("<nowiki>[[a]]</nowiki> <code>b</code>", "[[a]] b"),
        ("__NOTOC__ a\n----\nb", "a\n\nb"),
        ("one\ntwo\n\nthree", "one two\n\nthree"),
        ("* one\n** two\n# three\n: four\n; five", "one\ntwo\nthree\nfour\nfive"),
        ("one<br>two<br />three\n<blockquote>four</blockquote>", "one\ntwo\nthree\n\nfour"),
        ("<poem>\none\ntwo\n</poem>", "one\ntwo"),
        ("x < y, y <z, <div <b>a</b>, <nowiki>< &lt;</nowiki>", "x < y, y <z, <div a, < <"),
        ("<div class=a>b <span>c</span></div>", "b c"),
        ("<li>a\n<li>b <blockquote>c", "a\n\nb c"),
        ("\ue000\ue001a", "a"),
    ],
)
def test_each(source, expected):
    assert text(source) == expected


def test_entities_of_no_character_stay():
    assert text("4&000nbsp;km, a&b, &unknown;") == "4&000nbsp;km, a&b, &unknown;"


PAGE = """Lead.
== History ==
=== Early ===
Old.
=== Empty ===
{{Infobox}}
== See also ==
* [[Other]]
=== Deeper ===
Gone.
== Legacy ==
Last.
== Nothing ==
"""


def test_sections():
    no_prose = {"see also"}
    assert text(PAGE, no_prose=no_prose) == "Lead.\n\nHistory\n\nEarly\n\nOld.\n\nLegacy\n\nLast."
    without = text(PAGE, no_prose=no_prose, keep_headings=False)
    assert " ".join(without.split()) == "Lead. Old. Last."
    assert "Gone." in text(PAGE)


def test_own_namespaces():
    source = "[[Datei:a.png|Bild]][[Ort]]"
    assert text(source) == "BildOrt"
    assert text(source, namespaces={"datei"}) == "Ort"


@pytest.mark.parametrize(
    "part",
    [
        "{{a|",
        "[[a|",
        "<ref>",
        "<b>",
        "{|\n",
        "[http://a ",
        "'''a ",
        "== ",
        "{{{",
        "<x>[[{{",
        "<div ",
        "<li>",
        "{{{ |}}",
        "<nowiki>{| <b \n",
        "&lt;",
    ],
)
def test_pages_that_the_parser_alone_takes_minutes_for(part):
    start = time.process_time()
    wikitext.to_text(part * (60_000 // len(part)))
    assert time.process_time() - start < 5


MARKS = (
    "{{ }} [[ ]] {| |} | = == * # : ; ''' <ref> </ref> <b> </b> <br> <nowiki> </nowiki> <!-- -->"
)
MARKS += " http:// [ ] & &amp; a b File: {{{ }}} |- ! <math> </math>"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*MARKS.split(), "\n"]), max_size=40))
def test_any_page_becomes_text_without_marks_of_ours(parts):
    found = wikitext.to_text("".join(parts))
    assert "''" not in found
    assert "\ue000" not in found
    assert "\ue001" not in found
