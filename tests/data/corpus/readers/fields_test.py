# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Id, title, text and metadata out of the fields of a record."""

import pytest

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import fields
from realm_tf.text.inputs import lines

CONFIG = config_lib.CorpusConfig()


def test_integers_are_ids_and_titles_and_lists_are_paragraphs():
    values = {"_id": 7, "title": 1984, "text": ["One.\n", "Two.", "\n"], "n": 1}
    found = fields.raw_document(3, values, CONFIG)
    assert found == records.RawDocument(3, "7", "1984", "One.\nTwo.\n", {"n": 1})
    both = fields.raw_document(1, {"_id": "x", "doc_id": "d", "text": "t"}, CONFIG)
    assert (both.doc_id, both.metadata) == ("d", {"_id": "x"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"key": 1, "body": "x"}, 'no "id". The record holds: key, body. .* corpus.id_field'),
        ({}, "The record holds: no field"),
        ({"id": 1, "body": "x"}, '"text" must be .* The record holds: id, body. .* corpus.text_f'),
        ({"id": 1, "text": ["a", 1]}, '"text" must be a string'),
        ({"id": 1, "text": "a", "title": True}, '"title" must be a string. Received: True'),
        ({"id": 1.0, "text": "a"}, '"id" must be a string'),
    ],
)
def test_what_is_missing_is_said_with_what_is_there(values, message):
    with pytest.raises(lines.BadRecordError, match=message):
        fields.raw_document(1, values, CONFIG)
