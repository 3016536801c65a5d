# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm evaluate`: scores files of predictions, and compares two. It needs no TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.commands import paths
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import orqa_predictions, predictions, report, scores


class Predictions(NamedTuple):
    """The predictions of one system, with the file that `realm evaluate` scores.

    Attributes:
      path: Path of their file.
      made: The predictions.
      missing: How many of the questions the file has no prediction for.
    """

    path: str
    made: list[predictions.Prediction]
    missing: int = 0


def read(path: str, questions: str | None, reading: config_lib.QuestionsConfig) -> Predictions:
    """Reads a file of predictions, or those of the system that a run exports.

    Args:
      path: The file, ours or in ORQA's format, or the work directory of a run.
      questions: File of questions, which ORQA's format needs, and no other takes.
      reading: How that is read.

    Raises:
      UserError: If there are none, or they cannot be read.
    """
    path = _file(path)
    if _is_orqa(path):
        if questions is None:
            raise types.UserError(
                f"{path} is in ORQA's format, which holds no right answers: give --questions."
            )
        return Predictions(path, *orqa_predictions.read(path, open_qa.read(questions, reading)))
    if questions is not None:
        raise types.UserError(
            f"--questions is for predictions in ORQA's format: {path} holds its right answers."
        )
    return Predictions(path, predictions.read(path))


def read_other(path: str, ours: Predictions) -> Predictions:
    """Reads the predictions to compare with; in ORQA's format they are for the same questions."""
    path = _file(path)
    if _is_orqa(path):
        asked = [prediction.question for prediction in ours.made]
        return Predictions(path, *orqa_predictions.read(path, asked))
    return Predictions(path, predictions.read(path))


def _file(path: str) -> str:
    return _of_run(path) if paths.is_run(path) else path


def _is_orqa(path: str) -> bool:
    return orqa_predictions.is_one(predictions.records(path)[0][1])


def _of_run(workdir: str) -> str:
    """Path of the predictions of the system that a run exports: the last that it measured.

    Raises:
      UserError: If it has not measured any.
    """
    for name in reversed(report.read(workdir).get("systems", {})):
        path = os.path.join(workdir, predictions.file_name(name))
        if gfile.exists(path):
            return path
    raise types.UserError(
        f"{workdir} holds no predictions yet. Run realm evaluate --workdir {workdir}."
    )


def scored(found: Predictions) -> tuple[dict[str, Any], str]:
    """The figures of predictions (see `scores.score`), for machines and for people."""
    figures = scores.score(found.made)
    text = report.by_word(found.path, figures)
    if found.missing:
        figures["missing_predictions"] = found.missing
        text += f"\n\n{found.missing} questions have no prediction, and count as wrong."
    return figures, text


def compare(ours: Predictions, theirs: Predictions) -> dict[str, Any]:
    """Compares two systems by a paired test; see `scores.compare`."""
    return {
        "ours": ours.path,
        "theirs": theirs.path,
        **scores.compare(ours.made, theirs.made),
    }


def comparison_text(compared: Mapping[str, Any]) -> str:
    """What `realm evaluate --against` tells people of two systems: what `compare` found."""
    rows = {
        name: {
            **{key: f[key] for key in ("questions", "ours", "theirs", "difference")},
            "from": f["interval"][0],
            "to": f["interval"][1],
            "p_value": f"{f['p_value']:.4f}",
        }
        for name, f in compared["figures"].items()
    }
    return (
        f"ours: {compared['ours']}, theirs: {compared['theirs']}\n"
        f"{compared['questions']} questions are in both, {compared['only_ours']} only in ours,"
        f" {compared['only_theirs']} only in theirs.\n"
        f"{report.table(_transposed(rows))}\n{compared['test']}"
    )


def write_orqa(path: str, found: Predictions) -> None:
    """Writes predictions in the format of ORQA's code."""
    with artifacts.storage_errors():
        artifacts.make_directory(os.path.dirname(path) or ".")
        orqa_predictions.write(path, found.made)


def _transposed(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    columns = dict.fromkeys(name for row in rows.values() for name in row)
    return {name: {key: row.get(name) for key, row in rows.items()} for name in columns}
