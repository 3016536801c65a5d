# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files in which data sets of questions are handed out, as records with the keys of JSONL.

- `jsonl`: a JSON object a line, as ours, NQ-open's and DrQA's (CuratedTREC, WebQuestions), or a
  line of DPR's TSV.
- `dpr_tsv`: a line a question: text, tab, answers as Python's list (Karpukhin et al., 2020).
- `dpr_json`: an array of objects with `question`, `answers`, `positive_ctxs`: DPR's training files.
- `squad`: an object with `data`: articles of paragraphs of `qas` (Rajpurkar et al., 2016, 2018).
- `webquestions`: an array of objects with `utterance` and `targetValue` (Berant et al., 2013).
"""

from __future__ import annotations

import ast
import csv
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from realm_tf import types
from realm_tf.text.inputs import json_objects, lines, streams

JSONL, DPR_TSV = "jsonl", "dpr_tsv"

# WebQuestions: (list (description "Jamaican English") (description Lawyer)).
_DESCRIPTION = re.compile(r'\(description (?:"((?:[^"\\]|\\.)*)"|([^()"]+))\)')
_ESCAPED = re.compile(r"\\(.)")

_LOGGER = logging.getLogger(__name__)


class Record(NamedTuple):
    """One question as its file has it.

    Attributes:
      number: Number of its line, or of the question in a file that is one JSON value.
      unit: What is numbered: "line" or "question".
      where: Its file and place, for messages.
      values: What it holds, with the keys of JSONL.
    """

    number: int
    unit: str
    where: str
    values: Mapping[str, Any]


def read(path: str, fmt: str = JSONL) -> Iterator[Record]:
    """Yields the records of a file of questions, in any of these formats, plain, gzip or bzip2.

    Raises:
      UserError: If the file cannot be read, or is not of this format; the place is named.
    """
    try:
        if fmt in _WHOLE:
            yield from _of_whole(path, fmt)
        else:
            yield from _of_lines(path, fmt)
    except streams.DamagedError as error:
        raise types.UserError(f"{path}: {error}.") from error


def _of_lines(path: str, fmt: str) -> Iterator[Record]:
    for line in lines.lines(path):
        if not line.text.strip() and not line.is_too_long:
            continue
        where = f"{path}:{line.number}"
        try:
            yield Record(line.number, "line", where, _parse_line(line, fmt))
        except lines.BadRecordError as error:
            raise types.UserError(f"{where}: {error}") from error


def _parse_line(line: lines.Line, fmt: str) -> Mapping[str, Any]:
    if line.is_too_long:
        raise lines.BadRecordError(f"the line has {line.size} bytes: is it a file of questions?")
    record = _dpr_record(line.text)
    if record is None and fmt == DPR_TSV:
        raise lines.BadRecordError(
            "no line of DPR's: a question, a tab, and a list of answers as Python writes it."
        )
    return record or json_objects.parse(line.text)


def _dpr_record(line: bytes) -> dict[str, Any] | None:
    """A line of DPR's files of questions as a record; None if it is none."""
    if line.lstrip().startswith(b"{") or b"\t" not in line:
        return None
    try:
        question, answers = next(csv.reader([lines.decode(line)], delimiter="\t", strict=True))
        return {"question": question, "answers": ast.literal_eval(answers)}
    except (csv.Error, ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _of_whole(path: str, fmt: str) -> Iterator[Record]:
    try:
        content = json.loads(b"".join(streams.chunks(path)))
    except (ValueError, RecursionError) as error:
        raise types.UserError(
            f"{path} is not one JSON value, as questions.format {fmt} needs: {error}."
        ) from error
    number = 0
    try:
        for number, values in enumerate(_WHOLE[fmt](content), start=1):
            yield Record(number, "question", f"{path}: question {number}", values)
    except (KeyError, TypeError, AttributeError) as error:
        raise types.UserError(
            f"{path}: what follows question {number} is not as questions.format {fmt} has it:"
            f" {type(error).__name__} {error}."
        ) from error


def _squad(content: Any) -> Iterator[Mapping[str, Any]]:
    """SQuAD 1.1 and 2.0; of the latter, what has no answer is left out and counted."""
    impossible = 0
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                if asked["answers"]:
                    answers = list(dict.fromkeys(answer["text"] for answer in asked["answers"]))
                    yield {"id": asked["id"], "question": asked["question"], "answers": answers}
                else:
                    impossible += 1
    if impossible:
        _LOGGER.warning("%d questions of SQuAD have no answer and are left out", impossible)


def _webquestions(content: Any) -> Iterator[Mapping[str, Any]]:
    for asked in content:
        found = _DESCRIPTION.findall(asked["targetValue"])
        answers = [_ESCAPED.sub(r"\1", quoted) or plain.strip() for quoted, plain in found]
        yield {"question": asked["utterance"], "answers": answers}


def _dpr_json(content: Any) -> Iterator[Mapping[str, Any]]:
    for asked in content:
        passages = [
            str(passage["passage_id"] if "passage_id" in passage else passage["psg_id"])
            for passage in asked.get("positive_ctxs", ())
        ]
        yield {"question": asked["question"], "answers": asked["answers"], "doc_ids": passages}


_WHOLE: Mapping[str, Callable[[Any], Iterator[Mapping[str, Any]]]] = {
    "squad": _squad,
    "webquestions": _webquestions,
    "dpr_json": _dpr_json,
}
