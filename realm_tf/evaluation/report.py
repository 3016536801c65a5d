# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The evaluation report of a run: every measured figure, by stage, in `report.json`.

A section is what one stage measured: name to number, text, or another such mapping. A section of
mappings only, such as `systems`, is shown as a table, one column each. A figure that the mapping
`intervals` names, too, is shown with half of its interval.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.evaluation import resampling

FILE = "report.json"
# Of a system: figure to [low, high]; question word to figures; retriever to figures.
INTERVALS, BY_WORD, RETRIEVERS = "intervals", "by_question_word", "retrievers"

_GAP = "  "
_MISSING = "-"
# What the names do not say: the beginning of a figure's or a section's name, and what it is.
_MEANINGS = {
    "gold_recall": "share of the gold_questions, those that name their documents (doc_ids), with"
    " such a document among the first k documents",
    "masked_retrieval_utility": "how much the retrieved blocks help to predict a masked wordpiece:"
    " log p(y given z, x) - log p(y given null, x) in nats, over held-out spans; 0: no help",
    "reader_oracle": "share of the questions with an answer where the reader can point to it: what"
    " a perfect reader would reach; exact_match_given_retrieved: exact_match of the questions with"
    " an answer in a block that was read",
    "fine_tuned_recall": "recall of the retriever that answers, after fine-tuning; recall: before",
    INTERVALS: f"behind \u00b1 stands half of the {resampling.LEVEL:.0%} interval (bootstrap)",
    RETRIEVERS: "bm25: by words; dense and fine_tuned: by vectors, before and after fine-tuning;"
    " bm25+: the two fused by rank; exact_match, f1 and so on: of the one fine-tuned reader, which"
    " reads the first blocks of each retriever of evaluation.arms",
    "any_match": "share of the questions to which one of the answers given (five at most) is right",
    "answer_auroc": "how often the probability of a right first answer is above that of a wrong"
    " one (0.5: it says nothing); answer_calibration_error: mean distance between probability and"
    " share of right answers",
    "no_evidence_auroc": "how often the no-evidence probability of a question whose documents were"
    " left out of the search is above that of one asked with them; both AUROCs and their"
    " calibration errors are of the half of the questions that nothing was fitted on",
    "kept_step": "the step whose weights were kept; with kept_exact_match or kept_retrieval_utility"
    " beside it they had the best of all checkpoints, measured on held-out training data",
    "held_out_recall_first": "share of held-out masked sentences for which what is masked stands in"
    " a block that the first snapshot finds; _best and _last: the same of the best and of the last",
    "alarms": "signs of the vicious cycle, each with the step at which it began; the log says what"
    " to check",
    "frequent_answer": "how good it is to give the most frequent answer of the training questions"
    " to every question: no system should do worse",
}


def read(workdir: str) -> dict[str, Any]:
    """Reads the report of a run so far; it is empty if nothing was measured.

    Raises:
      UserError: If it is damaged.
    """
    path = os.path.join(workdir, FILE)
    return artifacts.read_json(path) if gfile.exists(path) else {}


def merge(workdir: str, stage: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Puts what a stage measured into the report, atomically, in place of what it measured before.

    Args:
      workdir: Directory of the run; only one process may write it.
      stage: Name of the section.
      figures: The measured figures, as JSON values or NumPy numbers; NaN and infinity become null.

    Returns:
      The whole report.
    """
    report = {**read(workdir), stage: _plain(figures)}
    _write(workdir, report)
    return report


def keep(workdir: str, *sections: str) -> None:
    """Removes all other sections from the report: settings or inputs of what they say changed."""
    _write(workdir, {name: f for name, f in _readable(workdir).items() if name in sections})


def _readable(workdir: str) -> dict[str, Any]:
    try:
        return read(workdir)
    except types.UserError:  # damaged
        return {}


def _write(workdir: str, report: Mapping[str, Any]) -> None:
    gfile.makedirs(workdir)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    artifacts.write_text(os.path.join(workdir, FILE), text + "\n")


def render(report: Mapping[str, Any]) -> str:
    """Renders the report of a run as aligned plain text, section by section, and explains it."""
    sections = [_section(name, figures) for name, figures in report.items()]
    return "\n\n".join([*sections, *_of_last(report), *_explanations(report)])


def by_word(name: str, figures: Mapping[str, Any]) -> str:
    """Renders the figures of a system by question word, as `scores.score` gives them."""
    columns = {"all": figures, **figures[BY_WORD]}
    shown = figures[INTERVALS].keys() | {"questions"}
    chosen = {
        word: {n: f for n, f in found.items() if n in shown or n == INTERVALS}
        for word, found in columns.items()
    }
    return f"{name} by question word\n{table(chosen)}"


def _of_last(report: Mapping[str, Any]) -> list[str]:
    """The retrievers, and the question words, of the last system, which is what is exported."""
    shown = []
    for name, figures in list(report.get("systems", {}).items())[-1:]:
        if RETRIEVERS in figures:
            shown.append(f"{name}, {RETRIEVERS} side by side\n{table(figures[RETRIEVERS])}")
        if BY_WORD in figures:
            shown.append(by_word(name, figures))
    return shown


def table(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Renders figures of the report side by side: a row for a figure, a column for a thing.

    Args:
      columns: Name of the thing to its figures; one that lacks a figure shows a dash. Figures that
        are mappings or lists themselves are left out.
    """
    names = list(dict.fromkeys(name for figures in columns.values() for name in _shown(figures)))
    rows = [["", *columns]]
    rows += [[name, *(_cell(f, name) for f in columns.values())] for name in names]
    return _align(rows)


def _cell(figures: Mapping[str, Any], name: str) -> str:
    interval = figures.get(INTERVALS, {}).get(name)
    half = "" if interval is None else f" \u00b1{(interval[1] - interval[0]) / 2:.3f}"
    return f"{_text(figures.get(name))}{half}"


def _explanations(report: Mapping[str, Any]) -> list[str]:
    """One paragraph with a line for each name that needs one and is shown; none if none does."""
    systems = report.get("systems", {}).values()
    shown = [*report, *report.get("pretrain", {}), *(n for figures in systems for n in figures)]
    lines = [
        f"{name}: {meaning}"
        for name, meaning in _MEANINGS.items()
        if any(found.partition("@")[0] == name for found in shown)
    ]
    return ["\n".join(lines)] if lines else []


def _section(name: str, figures: Any) -> str:
    if not isinstance(figures, Mapping):
        return f"{name}{_GAP}{_text(figures)}"
    if figures and all(isinstance(value, Mapping) for value in figures.values()):
        return f"{name}\n{table(figures)}"
    rows = [[key, _text(value)] for key, value in _shown(figures).items()]
    return f"{name}\n{_align(rows)}" if rows else name


def _shown(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if not isinstance(value, Mapping | list)}


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Left-aligns the first column, and the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        [
            row[0].ljust(widths[0]),
            *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        for row in rows
    )
    return "\n".join(_GAP + _GAP.join(line).rstrip() for line in lines)


def _text(value: Any) -> str:
    if value is None:
        return _MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # NumPy
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
