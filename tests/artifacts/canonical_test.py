# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Equal values have one text and one digest."""

import hashlib

from realm_tf import artifacts


def test_equal_values_have_one_text():
    values = [{"b": [1, 2], "a": "é"}, {"a": "é", "b": (1, 2)}]
    assert {artifacts.canonical_json(value) for value in values} == {'{"a":"é","b":[1,2]}'}


def test_digest_is_of_the_text():
    digest = artifacts.digest({"a": "é"})
    assert digest == hashlib.sha256('{"a":"é"}'.encode()).hexdigest()
    assert digest != artifacts.digest({"a": "e"})
