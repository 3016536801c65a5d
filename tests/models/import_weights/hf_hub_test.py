# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Models of the hub by name, from a cache directory in the hub's own layout, without a network."""

import importlib
import sys

import pytest

from realm_tf import types
from realm_tf.models.import_weights import hf_hub
from tests.models.import_weights import foreign

NAME, COMMIT = "someone/tiny-bert", "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a hub that never asks the network."""
    pytest.importorskip("huggingface_hub")
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_commit_and_branch_in_the_cache(cache):
    snapshot = foreign.write_hub_cache(cache, NAME, COMMIT, foreign.draw(foreign.hf_encoder()))
    assert hf_hub.fetch(NAME, COMMIT) == hf_hub.Fetched(NAME, COMMIT, str(snapshot))
    assert hf_hub.fetch(NAME) == hf_hub.Fetched(NAME, COMMIT, str(snapshot))  # refs/main


@pytest.mark.parametrize("revision", [None, COMMIT, "v1"])
def test_neither_cache_nor_network(cache, revision):
    message = "^nobody/nothing .*is not to be had from the cache of the Hugging Face hub"
    with pytest.raises(types.UserError, match=message) as e:
        hf_hub.fetch("nobody/nothing", revision)
    assert "\n" not in str(e.value)


def test_bad_name(cache):
    with pytest.raises(types.UserError, match="HFValidationError"):
        hf_hub.fetch("a--b/..c")


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(types.UserError, match=r'pip install "realm-tf\[hub\]"'):
        hf_hub.fetch(NAME)
