# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is no prose goes, and what has no partner; in linear time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realm_tf.data.corpus.wiki import pruning as wiki_pruning


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{a|[[b]]}} [http://c d]", "{{a|[[b]]}} [http://c d]"),
        ("a<!-- b -->c<!-- d", "ac"),
        ("a<ref>b {{c}}</ref>d<ref name=x />e<REF>f</ref >g", "adeg"),
        ("a\n{| class=x\n|-\n| b || {{c\n|}\nd", "a\n\nd"),
        ("{|\n| a\n{|\n| b\n|}\n|}c", "c"),
        ("a<math>x {{ y</math>b<gallery>\nc\n</gallery>d", "abd"),
        ("<nowiki>{{ [[</nowiki> <pre>]]</pre>", "<nowiki>{{ [[</nowiki> <pre>]]</pre>"),
        ("a {{b", "a b"),
        ("a}} b]] c|}", "a b c|}"),
        ("[[a {{b]] c}}", "[[a b]] c"),
        ("[[a|b", "a|b"),
        ("[http://a b\nc] [1]", "http://a b\nc] [1]"),
        ("<b>a <i>b</b> c</i>", "<b>a b</b> c"),
        ("<nowiki>a {{b}}", "a {{b}}"),
        ("<nowiki>{| a", " a"),
        ("a<br>b</br>c<br/>d", "a<br>bc<br/>d"),
        ("{{a|b|}} {{c|d}}", "{{a|b|}} {{c|d}}"),
        ("x < y <z and <div ", "x &lt; y &lt;z and &lt;div "),
        ("<ul><li>a<LI class=b>c</ul>", "<br><br>a<br>c<br>"),
        ("a {{{1|b}}} {{c|{d}}} {{e|{{f}}}}", "a {{1|b}} {{c|{d}} {{e|{{f}}}}"),
    ],
)
def test_each(source, expected):
    assert wiki_pruning.prune(source) == expected


@given(st.text("ab{}[]|<>/!-\n :hrefp&", max_size=60))
def test_marks_have_partners(source):
    pruned = wiki_pruning.prune(source)
    assert "<!--" not in pruned
    for opening, end in (("{{", "}}"), ("[[", "]]")):
        assert pruned.count(opening) == pruned.count(end)


@pytest.mark.parametrize(
    "part",
    [
        "{{a|",
        "[[a|",
        "<ref>",
        "<b>",
        "{|\n",
        "[http://a ",
        "<math>",
        "<!--",
        "<nowiki>",
        "}}",
        "<a",
        "<div ",
        "<li>",
        "{{{ |}}",
        "<nowiki>{| <b \n",
        "{{",
        "{{a}}",
        "[[[http://",
    ],
)
def test_time_is_linear_where_the_parsers_is_not(part):
    start = time.process_time()
    wiki_pruning.prune(part * (200_000 // len(part)))
    assert time.process_time() - start < 3
