# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The check of a user's data: counts by hand, and one finding for every fault."""

import functools
import json

import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import records
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import corpus_scan, data_check, findings, text_lengths
from realm_tf.text import tokenizer as tokenizer_lib

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *LETTERS]
VOCAB += [f"##{letter}" for letter in LETTERS]
SMALL = {
    "blocks": {"length": 24},
    "ict": {"steps": 0},
    "pretrain": {"steps": 0, "num_candidates": 2},
    "open_qa": {"query_length": 16, "reader_length": 40, "num_read": 1, "num_searched": 2},
    "evaluation": {"recall_at": [1]},
}


def _config(**sections):
    merged = {name: {**SMALL.get(name, {}), **s} for name, s in sections.items()}
    return config_lib.from_dict(config_lib.Config, {**SMALL, **merged})


@functools.lru_cache
def _tokenizer():
    return tokenizer_lib.Tokenizer(VOCAB)


def _document(doc_id, text):
    return types.Document(doc_id, "f", 1, "", text, "{}")


def _question(question_id, text, *answers, doc_ids=(), is_regex=False):
    return questions_lib.Question(question_id, text, answers, doc_ids, is_regex)


DOCUMENTS = [
    _document("1", "abc de. fg hij. klm nop."),
    _document("2", "qr st. uv wx."),
    _document("3", "qr  st. uv wx."),  # the same text but for white space
]
TRAIN = [
    _question("t1", "a b?", "hij", doc_ids=("1",)),
    _question("t2", "c d?", "ST UV", doc_ids=("2",)),
    _question("t3", "c D?", "wx", doc_ids=("1",)),  # t2's text; named document without the answer
    _question("t4", "e f?", "yz", doc_ids=("9",)),  # nowhere; no such document
]
DEV = [_question("d1", "x y?", r"k.m", is_regex=True), _question("d2", "a  b?", "hij")]


def _check(documents=DOCUMENTS, train=TRAIN, dev=DEV, config=None, most=100):
    config = config or _config()
    scanner = corpus_scan.Scanner({data_check.TRAIN: train, data_check.DEV: dev})
    scanner.read(documents, most)
    lengths = None
    if scanner.corpus.sample:
        scan = scanner.questions[data_check.TRAIN]
        evidence = [(scan.questions[n], held) for n, held in scan.evidence.items()]
        documents = scanner.corpus.sample
        lengths = text_lengths.measure(documents, train, evidence, _tokenizer(), config)
    return data_check.judge(scanner, lengths, config)


def _messages(checked, level=None):
    return [f.message for f in checked.found if level in (None, f.level)]


def _of_setting(checked, setting):
    return [(f.level, f.value, f.proposed) for f in checked.found if f.setting == setting]


def test_counts():
    figures = _check().figures
    assert figures["corpus"] == {
        "documents": 3,
        "words": 14,
        "repeated_ids": 0,
        "repeated_texts": 1,
        "unreadable": 0,
        "read_to_the_end": True,
    }
    assert figures["questions"]["training"] == {
        "questions": 4,
        "searched": 4,
        "answer_in_corpus": 3,
        "name_a_document": 4,
        "document_in_corpus": 3,
        "answer_in_document": 2,
    }
    assert figures["questions"]["dev"]["answer_in_corpus"] == 2
    assert figures["lengths"]["blocks_about"] == 3
    assert figures["answers"] == {"readable": 3}


def test_findings_of_data():
    checked = _check()
    assert not checked.errors
    assert _messages(checked, findings.WARNING) == [
        "1 documents have the text of another document.",
        "The answers of 1 of 4 training questions (25%) are in no document: they cannot be found."
        " The first: 'yz', of question 't4'.",
        "The documents that 1 of 4 training questions name are not in the corpus; the first: '9' of"
        " question 't4'.",
        "The documents that 1 of 3 training questions name do not hold their answers.",
        "1 dev questions are training questions, too: figures will be too good.",
    ]
    assert _messages(checked, findings.NOTE) == [
        "1 training questions repeat another word by word."
    ]


def test_answers_that_are_nowhere_are_an_error():
    train = [_question("t1", "a?", "zz"), _question("t2", "b?", "z")]
    (error,) = _check(train=train).errors
    assert error.message.startswith(
        "No answer of the 2 training questions is in the text of a document"
    )
    assert "'zz', of question 't1'" in error.message
    assert not _check(train=train, most=2).errors  # the rest may hold them
    assert not _check(dev=train).errors  # something can be learnt, though nothing measured
    assert any("every figure will be 0" in m for m in _messages(_check(dev=train)))


def test_corpus_without_documents():
    problem = records.Problem("f", 1, "f:1: no text.")
    checked = _check(documents=[problem, records.Dropped("f", 2, "no_text")])
    assert [error.message for error in checked.errors] == [
        "The corpus has no document that can be read.",
        "1 records cannot be read. A run refuses it: jobs.max_bad_fraction is 0. The first: f:1: no"
        " text.",
    ]
    assert checked.figures["corpus"]["left_out_no_text"] == 1


def test_repeated_ids():
    documents = [*DOCUMENTS, _document("1", "zz")]
    message = "1 documents have an id that another document has."
    refused = f"{message} A run refuses it: jobs.max_bad_fraction is 0."
    assert _messages(_check(documents), findings.ERROR) == [refused]
    patient = _config(jobs={"max_bad_fraction": 0.25})
    assert message in _messages(_check(documents, config=patient), findings.WARNING)


@pytest.mark.parametrize(
    ("sections", "setting", "finding"),
    [
        ({"open_qa": {"num_read": 4, "num_searched": 5}}, "open_qa.num_read",
         (findings.ERROR, 4, 3)),
        ({"pretrain": {"num_candidates": 5}}, "pretrain.num_candidates", (findings.ERROR, 5, 4)),
        ({"evaluation": {"recall_at": [1, 3, 9]}}, "evaluation.recall_at",
         (findings.WARNING, [1, 3, 9], [1, 3])),
        ({"ict": {"steps": 9, "batch_size": 8}}, "ict.batch_size", (findings.WARNING, 8, 2)),
        ({"open_qa": {"query_length": 4}}, "open_qa.query_length", (findings.ERROR, 4, 8)),
        ({"ict": {"steps": 9, "query_length": 5}}, "ict.query_length", (findings.WARNING, 5, 16)),
        ({"pretrain": {"steps": 9, "query_length": 5}}, "pretrain.query_length",
         (findings.WARNING, 5, 16)),
        ({"model": {"reader": {"max_span_width": 3}}}, "model.reader.max_span_width",
         (findings.WARNING, 3, 4)),
        ({"open_qa": {"reader_length": 16, "query_length": 8}}, "open_qa.reader_length",
         (findings.WARNING, 16, 32)),
    ],
)  # fmt: skip
def test_settings_that_do_not_suit(sections, setting, finding):
    assert _of_setting(_check(), setting) == []
    wanted = _of_setting(_check(config=_config(**sections)), setting)
    assert wanted == [finding]


def test_fates_of_answers():
    documents = [_document("1", "abcdefgh ijklmnop. qrst.")]
    asked = {"qrst": "readable", "abcdefgh ijklmnop": "divided", "abcdefgh": "too_wide"}
    train = [_question(answer, "a?", answer) for answer in asked]
    sections = {"blocks": {"length": 16}, "model": {"reader": {"max_span_width": 4}}}
    checked = _check(documents, train, config=_config(**sections))
    assert checked.figures["answers"] == {"readable": 1, "divided": 1, "too_wide": 1}
    # [CLS] a ? [SEP] and [SEP] leave 3 wordpieces of a block.
    short = {"open_qa": {"reader_length": 8, "query_length": 6}}
    checked = _check(documents, train, config=_config(**sections, **short))
    assert checked.figures["answers"] == {"unread": 1, "divided": 1, "too_wide": 1}


def test_vocabulary_of_other_texts(tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(VOCAB))
    config = _config(vocab={"file": str(file)})
    assert any("splits a word of the corpus into 2." in m for m in _messages(_check(config=config)))
    checked = _check([_document("1", "\u043c\u0438\u0440 a.")], config=config)
    assert any("of the wordpieces of the corpus are unknown" in m for m in _messages(checked))
    assert not any("vocabulary" in m for m in _messages(_check()))  # one of its own


def test_many_patterns_are_sampled():
    train = [
        _question(str(n), f"{n}?", f"h{'i' * (n % 2 + 1)}j", is_regex=True) for n in range(402)
    ]
    checked = _check(train=train)
    assert checked.figures["questions"]["training"]["questions"] == 402
    assert checked.figures["questions"]["training"]["searched"] == 45
    assert any("Of the 402 training questions 45 were searched" in m for m in _messages(checked))


def test_text_and_json():
    checked = _check(config=_config(open_qa={"num_read": 4, "num_searched": 5}))
    text = checked.text()
    first, *_, last = text.split("\n\n")[-1].splitlines()
    assert first.endswith("Try open_qa.num_read=3 (it is 4).")
    assert last.startswith("note: ")
    assert "answer_in_corpus" in text
    held = json.loads(json.dumps(checked.to_json()))
    assert held["findings"][0]["setting"] == "open_qa.num_read"
    assert held["corpus"]["documents"] == 3
