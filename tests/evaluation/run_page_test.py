# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page of a run is whole by itself, and what comes from texts is text."""

import html.parser

import pytest

from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import charts, predictions, run_page
from tests.evaluation import given

EVIL = "<img src=x onerror=alert(1)></details><script>alert('\"')</script> $title"
CHART = charts.Chart("Loss & gain", "step", {"a <b> $x$": [(0, 1.0), (10, 0.5)], "_c": [(0, 1)]})


class _Page(html.parser.HTMLParser):
    """What a browser would see: its elements, and the texts of some."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.marks, self._class = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._class = dict(attrs).get("class") if tag == "mark" else None

    def handle_data(self, data):
        if self._class:
            self.marks.append((self._class, data))
            self._class = None


def _evil_example():
    text = f"Été: {EVIL}"
    block = predictions.ReadBlock(7, EVIL, EVIL, text, 1.5, True)
    evidence = predictions.Evidence(5, 0, None, True, (block,))
    question = questions_lib.Question("1", EVIL, (EVIL,))
    first = len("Été: ".encode())
    limit = first + len(EVIL)
    answer = given.answer(EVIL, block_id=7, byte_start=first, byte_limit=limit)
    return predictions.Prediction(question, (answer,), evidence)


def _render(*examples):
    content = run_page.Content(EVIL, f"report {EVIL}", [CHART], EVIL, examples)
    return run_page.render(content)


def test_texts_bring_no_elements():
    harmless = _Page(_render(given.prediction(questions_lib.Question("1", "Who?", ("x",)), "x")))
    page = _Page(_render(_evil_example()))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object"}
    assert {tag for tag, _ in harmless.elements} | {"mark", "li", "small", "br"} >= tags
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert len([tag for tag, _ in page.elements if tag == "details"]) == 1


def test_nothing_is_fetched():
    page = _Page(_render(_evil_example()))
    for tag, attrs in page.elements:
        for name in ("src", "href", "xlink:href"):
            # Parts of the same document, and the empty icon.
            assert attrs.get(name, "#").startswith(("#", "data:,")), (tag, attrs)
    policies = [attrs["content"] for tag, attrs in page.elements if "http-equiv" in attrs]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_answers_are_marked():
    marks = _Page(_render(_evil_example())).marks
    # The three of the legend, and then the block: what was given holds the words that are right.
    assert marks[:3] == [
        ("given", "the answer given"),
        ("right", "right answers"),
        ("given right", "both"),
    ]
    assert "".join(text for _, text in marks[3:]).startswith("<img src=x")
    assert {names for names, _ in marks[3:]} <= {"given", "given right"}


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], "a é &lt;b&gt;"),
        ([(2, 4, "right")], 'a <mark class="right">é</mark> &lt;b&gt;'),
        (
            [(0, 4, "right"), (2, 8, "given")],
            '<mark class="right">a </mark><mark class="given right">é</mark>'
            '<mark class="given"> &lt;b&gt;</mark>',
        ),
    ],
)
def test_marked(spans, expected):
    assert run_page.marked("a é <b>", spans) == expected


def test_places_of_regular_expressions():
    question = questions_lib.Question("1", "When?", (r"19\d\d",), is_regex=True)
    assert run_page._places("É 1953.", question) == [(3, 7)]


def test_chart_is_one_element_and_always_the_same():
    svg = charts.draw(CHART)
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")
    assert "<metadata" not in svg
    assert "&lt;b&gt; $x$" in svg  # as it is, and no formula
    assert svg == charts.draw(CHART)


def test_empty_run():
    page = run_page.render(run_page.Content("r", "", [], "none", []))
    assert "No training has left figures." in page
    assert "Nothing was asked yet." in page
