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
        ("broken '''bold'' here", "broken 'bold here"),
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
        ("{{circa|1900}} a{{ndash}}b {{nowrap|[[a|b]] c}}{{unknown|x}}", "c. 1900 a\u2013b b c"),
        ("{{Quote|by=x|[[said]]}}", "said"),
        ("{{lang|1=la|2=[[ave]]}} {{nowrap|1=x = y}} {{lang|la|x|2=ave}}", "ave x = y ave"),
        ("{{Quote\n| text = Long\nsaid.\n| author=x}}", "Long said."),
        ("{{nowrap|{{formatnum:{{#if:|1|20000}}}} m}}, {{lc:A'B}}", "20,000 m, a'b"),
        ("{{nowrap|''a'' ''b''}} {{lang|fr|l'''eau''}}", "a b l'eau"),
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


APOSTROPHES = [
    ("''Moor'''s crew", "Moor's crew"),
    ("The ''[[Moor (ship)|Moor]]'''s crew", "The Moor's crew"),
    ("'''Moor''''s crew", "Moor's crew"),
    ("'''''Moor''''''s crew", "Moor's crew"),
    ("L'''eau'' and l''''eau'''", "L'eau and l'eau"),
    ("dell'''Arte'', a '''b'''", "dell'Arte, a b"),
    ("''a'' and l'''b'' c", "a and l'b c"),
    ("''Moor''{{'s}} {{'}}a''b''{{'}}s ''c''&#39;s", "Moor's 'ab's c's"),
    ("''Moor''<nowiki/>'s <nowiki>''a''</nowiki>", "Moor's ''a''"),
    ("[[a|''b'']]''c'' [[Moor's]]''d''", "bc Moor'sd"),
    ("''open\nnext'' line '''x", "open next line 'x"),
    ("rock 'n' roll, '90s, it''s", "rock 'n' roll, '90s, its"),
    ("'''''''a'''''''", "''a''"),
    ("'''a'' b'''c'' d", "a bc d"),
]


@pytest.mark.parametrize(("source", "expected"), APOSTROPHES)
def test_apostrophes_that_are_no_marks_stay(source, expected):
    assert text(source) == expected


SENTENCES = [
    ("It fell to {{flag|Norway}} in May.", "It fell to Norway in May."),
    ("* [[Oslo]] ({{small caps|a.d.}}) is", "Oslo (a.d.) is"),
    ("{{Script|Ave}} is Latin.", "Ave is Latin."),
    ("{{HMS|Moor}}, a ship", "Moor, a ship"),
    ("It fell.{{Notes|Norway}} In May{{fix|so}}.", "It fell. In May."),
    ("It fell. {{sfn|Moor}}\n{{main|Oslo}}\n\n{{Stub}}", "It fell."),
    ("{{hatnote|Oslo}}\n{{About|Oslo}}'''Oslo''' is", "Oslo is"),
    ("It fell {{when|May 2010}} {{fixed|x|date=May}}.", "It fell ."),
]


@pytest.mark.parametrize(("source", "expected"), SENTENCES)
def test_templates_in_sentences(source, expected):
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


def test_nested_templates_are_made_once():
    start = time.process_time()
    assert text("a " + "{{flag|b " * 18 + "x" + "}}" * 18) == "a " + "b " * 18 + "x"
    assert text("{{nowrap|{{circa|" * 9 + "x" + "}}" * 18) == "c. " * 9 + "x"
    assert time.process_time() - start < 1


MARKS = (
    "{{ }} [[ ]] {| |} | = == * # : ; ''' <ref> </ref> <b> </b> <br> <nowiki> </nowiki> <!-- -->"
)
MARKS += " http:// [ ] & &amp; a b File: {{{ }}} |- ! <math> </math>"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*MARKS.split(), "\n"]), max_size=40))
def test_any_page_becomes_text_without_marks_of_ours(parts):
    found = wikitext.to_text("".join(parts))
    assert "\ue002" not in found
    assert "\ue000" not in found
    assert "\ue001" not in found
