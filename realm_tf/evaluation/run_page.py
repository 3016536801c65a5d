# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page of a run: plots of its trainings and examples of its answers, in one file of HTML.

It needs no network and runs no script. Everything that comes from texts is escaped.
"""

from __future__ import annotations

import dataclasses
import html
import itertools
import pathlib
import re
import string
from collections.abc import Sequence

from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import charts, predictions
from realm_tf.text import answer_matching, offsets

_TEMPLATE = pathlib.Path(__file__).with_name("run_page.html")
_GIVEN, _RIGHT = "given", "right"


@dataclasses.dataclass(frozen=True)
class Content:
    """What the page shows.

    Attributes:
      title: Name of the run.
      report: Its report, as text.
      charts: Its charts.
      system: Name of the system that the examples are of.
      examples: Questions with their answers and the blocks that were read.
    """

    title: str
    report: str
    charts: Sequence[charts.Chart]
    system: str
    examples: Sequence[predictions.Prediction]


def render(content: Content) -> str:
    """The page, as HTML."""
    template = string.Template(_TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        title=html.escape(content.title),
        report=html.escape(content.report),
        charts="\n".join(map(_chart, content.charts)) or "<p>No training has left figures.</p>",
        system=html.escape(content.system),
        examples="\n".join(map(_example, content.examples)) or "<p>Nothing was asked yet.</p>",
    )


def _chart(chart: charts.Chart) -> str:
    caption = html.escape(chart.title)
    return f"<figure><figcaption>{caption}</figcaption>{charts.draw(chart)}</figure>"


def _example(prediction: predictions.Prediction) -> str:
    question, first = prediction.question, prediction.ranked[:1]
    answer = html.escape(first[0].text) if first else "(no answer)"
    state = "correct" if prediction.correct else "wrong"
    wanted = html.escape(" | ".join(question.answers))
    blocks = prediction.evidence.blocks if prediction.evidence else ()
    return (
        f'<details class="{state}"><summary><b>{html.escape(question.question)}</b>'
        f' <span class="answer">{answer}</span> <span class="state">{state}</span></summary>'
        f"<p>Right: {wanted}. {_scores(prediction)}</p>"
        f"<ol>{''.join(_block(block, prediction) for block in blocks)}</ol></details>"
    )


def _scores(prediction: predictions.Prediction) -> str:
    if not prediction.ranked:
        return ""
    answer = prediction.ranked[0]
    named = {
        "probability": answer.probability,
        "score": answer.score,
        "retriever": answer.retrieval_score,
        "reader": answer.reader_score,
    }
    shown = (f"{name} {value:.3g}" for name, value in named.items() if value is not None)
    return f"Given with {', '.join(shown)}."


def _block(block: predictions.ReadBlock, prediction: predictions.Prediction) -> str:
    given = [
        (answer.byte_start, answer.byte_limit, _GIVEN)
        for answer in prediction.ranked[:1]
        if answer.block_id == block.block_id
    ]
    right = [(start, limit, _RIGHT) for start, limit in _places(block.text, prediction.question)]
    return (
        f"<li><b>{html.escape(block.title)}</b> <small>{html.escape(block.doc_id)}, score"
        f" {block.score:.3g}</small><br>{marked(block.text, [*right, *given])}</li>"
    )


def _places(text: str, question: questions_lib.Question) -> list[tuple[int, int]]:
    """Where right answers stand in a text, in bytes."""
    if not question.is_regex:
        return answer_matching.find(text, question.answers)
    patterns = [re.compile(pattern, questions_lib.REGEX_FLAGS) for pattern in question.answers]
    return offsets.to_bytes(text, [m.span() for p in patterns for m in p.finditer(text)])


def marked(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    """A text as HTML in which spans are marked, which may overlap.

    Args:
      text: The text.
      spans: (byte_start, byte_limit, class) of each.
    """
    encoded = text.encode("utf-8")
    ends = {0, len(encoded), *(end for start, limit, _ in spans for end in (start, limit))}
    borders = sorted(end for end in ends if 0 <= end <= len(encoded))
    parts = []
    for start, limit in itertools.pairwise(borders):
        piece = html.escape(encoded[start:limit].decode("utf-8", errors="replace"))
        names = sorted({name for low, high, name in spans if low <= start and limit <= high})
        parts.append(f'<mark class="{" ".join(names)}">{piece}</mark>' if names else piece)
    return "".join(parts)
