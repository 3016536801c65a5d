# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions are divided by the hash of the original code, and nothing of them is lost."""

import json

import click.testing
import pytest

from realm_tf import config as config_lib
from realm_tf.cli import main
from realm_tf.commands import split_questions
from realm_tf.data.questions import questions as questions_lib

# Of WebQuestions' 3,778 training questions, of which the hash takes 361, as is published.
_DEV = (
    "what two countries invaded poland in the beginning of ww2?",
    "who is the prime minister of ethiopia?",
)
_TRAIN = ("what is the name of justin bieber brother?", "what state does selena gomez?")
_QUESTIONS = [f"what is number {n}?" for n in range(60)]


def _split(*args):
    return click.testing.CliRunner().invoke(main.main, ["data", "split", *map(str, args)])


def test_parts_hold_all_questions_as_they_were(tmp_path):
    records = [
        {"question": text, "answer_regex": "a|b"}
        if n % 3
        else {"id": f"q{n}", "question": text, "answers": ["ä", "b"], "paragraph_id": n}
        for n, text in enumerate(_QUESTIONS)
    ]
    path, output = tmp_path / "all.jsonl", tmp_path / "new" / "parts"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    result = _split(path, "--output", output, "--json")
    assert result.exit_code == 0, result.output
    parts = {part: questions_lib.read(str(output / f"{part}.jsonl")) for part in ("train", "dev")}
    counts = {part: len(questions) for part, questions in parts.items()}
    assert json.loads(result.stdout) == counts
    assert 0 < counts["dev"] < 20
    both = {q.question_id: q for questions in parts.values() for q in questions}
    assert both == {q.question_id: q for q in questions_lib.read(str(path))}
    for part, questions in parts.items():
        of_part = split_questions.in_dev([q.question for q in questions])
        assert (of_part == (part == "dev")).all()
    again = _split(path, "--output", output)
    assert again.exit_code == 2
    assert "train.jsonl is there already" in again.stderr


def test_formats_are_read_as_they_are_handed_out(tmp_path):
    path = tmp_path / "web.json"
    texts = [*_DEV, *_TRAIN]
    value = '(list (description "Ohio"))'
    path.write_text(json.dumps([{"utterance": text, "targetValue": value} for text in texts]))
    reading = config_lib.load(None, ["questions.format=webquestions"]).questions
    counts = split_questions.split(str(path), str(tmp_path / "parts"), reading)
    assert counts == {"train": 2, "dev": 2}
    made = questions_lib.read(str(tmp_path / "parts" / "dev.jsonl"))
    assert [(q.question, q.answers) for q in made] == [(text, ("Ohio",)) for text in _DEV]


@pytest.mark.parametrize("options", [(), ("--set", "questions.format=squad")])
def test_what_cannot_be_read_writes_nothing(tmp_path, options):
    path, output = tmp_path / "q.jsonl", tmp_path / "parts"
    path.write_text('{"question": ')
    result = _split(path, "--output", output, *options)
    assert result.exit_code == 2
    assert "q.jsonl" in result.stderr
    assert not output.exists()
