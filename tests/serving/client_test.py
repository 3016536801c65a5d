# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the client does besides asking; asking is tested with the export."""

import sys

import pytest

from realm_tf import types
from serving import client, replies, versions

ANSWER = types.Answer(
    text="Évian",
    score=1.25,
    block_id=18446744073709551615,
    doc_id="doc",
    title="Été",
    block_text="L'été à Évian: 25 °C",
    byte_start=11,
    byte_limit=17,
)


def test_answer_is_marked_in_its_evidence():
    assert replies.format_answer(ANSWER, bold=False) == (
        "[1.25] block 18446744073709551615  Été\nL'été à >>>Évian<<<: 25 °C"
    )


def test_answer_is_bold_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "à \033[1mÉvian\033[0m: 25" in replies.format_answer(ANSWER)


def test_versions_are_numbers_in_order(tmp_path):
    for name in ("2", "10", "1", "3.tmp-ab", "notes"):
        (tmp_path / name).mkdir()
    assert versions.numbers(str(tmp_path)) == [1, 2, 10]


@pytest.mark.parametrize("name", ["", "missing"])
def test_no_export_is_the_users_error(tmp_path, name):
    with pytest.raises(types.UserError, match="holds no exported model"):
        client.ask(str(tmp_path / name), ["where?"])


@pytest.mark.parametrize("question", ["where \udcff?", "who \ud83d"])
def test_what_is_no_unicode_is_refused_before_anything_is_loaded(question):
    def load(_):
        raise AssertionError("loaded")

    with pytest.raises(types.UserError, match="Question 2 is not UTF-8") as caught:
        client.ask("/nowhere", ["where?", question])
    str(caught.value).encode("utf-8")
    with pytest.raises(types.UserError, match="Question 1 is not UTF-8"):
        client.predict(load, [question])
