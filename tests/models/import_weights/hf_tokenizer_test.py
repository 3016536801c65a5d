# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Case and accents of an imported tokenizer, from whatever of its files are there."""

import json

import pytest

from realm_tf.models.import_weights import hf_bert, hf_tokenizer
from tests.models.import_weights import foreign

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
UNCASED = [*SPECIAL, "anna", "rome", "##s", "ü", "u"]
CASED = [*SPECIAL, "Anna", "Rome", "##s", "Ü", "##TA"]
CAPITALS = "the vocabulary has capitals, so texts are not lower-cased"


def write(folder, vocab=None, config=None, tokenizer=None) -> str:
    if vocab is not None:
        (folder / "vocab.txt").write_text("".join(f"{v}\n" for v in vocab), encoding="utf-8")
    for name, body in (("tokenizer_config.json", config), ("tokenizer.json", tokenizer)):
        if body is not None:
            (folder / name).write_text(json.dumps(body), encoding="utf-8")
    return str(folder)


def bert_normalizer(**values):
    return {"normalizer": {"type": "BertNormalizer", "strip_accents": None, **values}}


def sequence(*names):
    return {"normalizer": {"type": "Sequence", "normalizers": [{"type": n} for n in names]}}


@pytest.mark.parametrize(
    ("files", "lower_case", "notes"),
    [
        ({}, True, []),
        ({"vocab": UNCASED}, True, []),
        ({"vocab": CASED}, False, [CAPITALS]),
        ({"vocab": CASED, "config": {"model_max_length": 9}}, False, [CAPITALS]),
        ({"vocab": CASED, "config": {"do_lower_case": False}}, False, []),
        ({"vocab": UNCASED, "config": {"do_lower_case": False}}, False, []),
        ({"vocab": CASED, "config": {"do_lower_case": True}}, True, ["has capitals: is it so?"]),
        ({"vocab": CASED, "tokenizer": bert_normalizer(lowercase=False)}, False, []),
        ({"vocab": UNCASED, "tokenizer": bert_normalizer(lowercase=True)}, True, []),
        ({"vocab": UNCASED, "tokenizer": bert_normalizer(lowercase=False)}, False, []),
        ({"vocab": UNCASED, "tokenizer": {"normalizer": None}}, False, []),
        ({"vocab": UNCASED, "tokenizer": sequence("NFD", "Lowercase")}, True, []),
        ({"vocab": CASED, "tokenizer": sequence("NFC")}, False, []),
        (
            {"vocab": UNCASED, "config": {"do_lower_case": True, "strip_accents": False}},
            True,
            ["strip_accents false cannot be kept"],
        ),
        (
            {"tokenizer": bert_normalizer(lowercase=True, strip_accents=False)},
            True,
            ["strip_accents false cannot be kept"],
        ),
        (
            {"config": {"do_lower_case": False, "strip_accents": True}},
            False,
            ["strip_accents true cannot be kept"],
        ),
        ({"config": {"do_lower_case": False, "strip_accents": False}}, False, []),
    ],
)
def test_case_and_accents(tmp_path, files, lower_case, notes):
    found = hf_tokenizer.read(write(tmp_path, **files))
    assert found.lower_case is lower_case
    assert len(found.notes) == len(notes)
    assert all(part in note for part, note in zip(notes, found.notes, strict=True))
    assert (found.vocab_file is not None) == ("vocab" in files)


def test_a_single_capital_makes_no_cased_vocabulary(tmp_path):
    words = [*UNCASED, *(f"w{i}" for i in range(300)), "\u212a"]  # the sign of kelvin
    assert hf_tokenizer.read(write(tmp_path, words)).lower_case


def test_notes_are_in_the_report(tmp_path):
    tensors = foreign.draw(foreign.hf_encoder())
    path = foreign.write_hf(tmp_path, tensors, foreign.CONFIG)
    made = hf_bert.load(write(tmp_path, CASED))
    assert (made.lower_case, made.vocab_file) == (False, f"{path}/vocab.txt")
    assert CAPITALS in made.report.notes
