# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the outputs of a model say, as replies."""

import dataclasses

import numpy as np
import pytest

from realm_tf import types
from serving import replies


def _outputs(**more):
    """Outputs for two questions with two places each; the second has one answer."""
    outputs = {name: [[0, 0], [0, 0]] for name in replies.NEEDED}
    texts = {
        "answer": [["Ohrid", "é"], ["x", ""]],
        "block_id": [["18446744073709551615", "2"], ["3", ""]],
        **{name: [["a", "b"], ["c", ""]] for name in ("doc_id", "title", "block_text")},
    }
    return outputs | texts | more


def test_places_without_an_answer_are_left_out():
    first, second = replies.from_outputs(["q", "r"], _outputs(score=[[1.5, 1], [2, 0]]))
    assert (first.question, second.question) == ("q", "r")
    assert [answer.text for answer in first.answers] == ["Ohrid", "é"]
    assert first.answers[0].block_id == 2**64 - 1
    assert [answer.score for answer in (*first.answers, *second.answers)] == [1.5, 1, 2]


def test_arrays_of_bytes_are_the_same():
    outputs = _outputs()
    arrays = {
        name: np.array([[v.encode() if isinstance(v, str) else v for v in row] for row in value])
        for name, value in outputs.items()
    }
    assert replies.from_outputs(["q", "r"], arrays) == replies.from_outputs(["q", "r"], outputs)


def test_probabilities_are_told_if_they_are_there():
    outputs = _outputs(probability=[[0.75, 0.2], [0.5, 0]], no_evidence=[0.1, 0.9])
    first, second = replies.from_outputs(["q", "r"], outputs)
    assert first.answers[0].probability == 0.75
    assert (first.no_evidence, second.no_evidence) == (0.1, 0.9)
    told = second.as_dict()
    assert told["no_evidence"] == 0.9
    assert told["answers"][0]["probability"] == 0.5
    assert replies.format_answer(first.answers[0], bold=False).startswith("[75%] block 184467")


def test_ids_are_strings_in_json():
    (first, _) = replies.from_outputs(["q", "r"], _outputs())
    told = first.as_dict(1)
    assert [answer["block_id"] for answer in told["answers"]] == ["18446744073709551615"]


def test_other_models_are_refused():
    outputs = _outputs()
    del outputs["block_text"]
    with pytest.raises(types.UserError, match="no output 'block_text'"):
        replies.from_outputs(["q", "r"], outputs)


def test_every_field_of_an_answer_can_be_read():
    kinds = {str(field.type) for field in dataclasses.fields(types.Answer)}
    assert kinds <= {*replies._CONVERT, "str", "str | None"}
