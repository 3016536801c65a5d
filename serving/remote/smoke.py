# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A smoke test for any endpoint of TF Serving's interfaces that serves an export."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from realm_tf import types
from serving.remote import endpoint

_QUESTIONS = ("Where is Lake Ohrid?", "Où est l'été à Zürich, 東京?", "")
_SCORE_TOLERANCE = 1e-3  # a batch multiplies in another order than a single question
_DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class Check:
    """One check of an endpoint.

    Attributes:
      name: What was checked.
      fault: What is wrong; empty if nothing is.
    """

    name: str
    fault: str = ""


def check(target: endpoint.Endpoint) -> Iterator[Check]:
    """Yields the checks of an endpoint, as they are made.

    A server that cannot be reached, or has no version available, ends them.
    """
    checks: tuple[tuple[str, Callable[[endpoint.Endpoint], None], bool], ...] = (
        ("a version is available", _available, True),
        ("the signatures take questions", _signatures, True),
        ("questions are answered, in any script, even empty ones", _answers, True),
        ("answers stand in their evidence", _evidence, False),
        ("a question alone has the same answer as in a batch", _alone, False),
        ("every signature that takes a question alone answers it", _each, False),
        ("a filter by a field that is not there is refused", _filter, False),
        ("a number in place of a question is refused", _refused, False),
        ("the server still answers", _answers, False),
    )
    for name, function, is_needed in checks:
        fault = _fault(function, target)
        yield Check(name, fault)
        if fault and is_needed:
            return


def _fault(function: Callable[[endpoint.Endpoint], None], target: endpoint.Endpoint) -> str:
    try:
        function(target)
    except types.UserError as error:
        return str(error)
    return ""


def _require(condition: bool, fault: str) -> None:
    if not condition:
        raise types.UserError(fault)


def _available(target: endpoint.Endpoint) -> None:
    found = target.versions()
    _require("AVAILABLE" in found.values(), f"The versions are: {found}.")


def _signatures(target: endpoint.Endpoint) -> None:
    found = target.signatures()
    _require("question" in found.get(_DEFAULT, []), f"The signatures are: {found}.")


def _answers(target: endpoint.Endpoint) -> None:
    target.ask(_QUESTIONS)


def _evidence(target: endpoint.Endpoint) -> None:
    for reply in target.ask(_QUESTIONS):
        for answer in reply.answers:
            evidence = answer.block_text.encode("utf-8")[answer.byte_start : answer.byte_limit]
            _require(
                evidence == answer.text.encode("utf-8"),
                f"{answer.text!r} is not at bytes {answer.byte_start} to {answer.byte_limit} of"
                f" block {answer.block_id}.",
            )


def _alone(target: endpoint.Endpoint) -> None:
    for together in target.ask(_QUESTIONS):
        (alone,) = target.ask([together.question])
        for one, other in zip(alone.answers[:1], together.answers[:1], strict=True):
            close = abs(one.score - other.score) <= _SCORE_TOLERANCE * max(1.0, abs(one.score))
            _require(close, f"{together.question!r}: scores {one.score} and {other.score}.")


def _each(target: endpoint.Endpoint) -> None:
    for name, inputs in target.signatures().items():
        if inputs == ["question"]:
            outputs = target.predict({"question": [_QUESTIONS[0]]}, name)
            _require(bool(outputs), f"Signature {name!r} has no outputs.")


def _filter(target: endpoint.Endpoint) -> None:
    if "filter" not in target.signatures().get("retrieve", []):
        return
    asked = {"question": [_QUESTIONS[0]], "k": [1], "with_metadata": [False]}
    _require(bool(target.predict({**asked, "filter": [""]}, "retrieve")), "There are no outputs.")
    try:
        target.predict({**asked, "filter": ["no such field=1"]}, "retrieve")
    except endpoint.OverloadedError:
        raise
    except types.UserError as error:
        _require("no such field" in str(error), f"It is refused without a reason: {error}")
        return
    raise types.UserError("It is answered.")


def _refused(target: endpoint.Endpoint) -> None:
    try:
        target.predict({"question": [3]})
    except endpoint.OverloadedError:
        raise
    except types.UserError:
        return
    raise types.UserError("It is answered.")
