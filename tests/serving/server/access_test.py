# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tokens and rate limits."""

import grpc
import pytest

from realm_tf import types
from serving.server import access, failures


def test_everyone_is_admitted_without_a_token():
    access.Access().admit("1.2.3.4", None)


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer other", "secret", "Bearer sécret"])
def test_wrong_token_is_refused(given):
    with pytest.raises(failures.RequestError, match="Authorization: Bearer") as caught:
        access.Access("secret").admit("1.2.3.4", given)
    assert (caught.value.code, caught.value.http_status) == (grpc.StatusCode.UNAUTHENTICATED, 401)


def test_right_token_is_admitted():
    access.Access("secret").admit("1.2.3.4", "Bearer secret")


def test_rate_is_by_client(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(access.time, "monotonic", lambda: now[0])
    door = access.Access(requests_per_sec=2)
    for _ in range(2):
        door.admit("a", None)
    with pytest.raises(failures.RequestError, match="More than 2 requests") as caught:
        door.admit("a", None)
    assert (caught.value.http_status, caught.value.retry_after_secs) == (429, 1)
    door.admit("b", None)
    now[0] += 0.5
    door.admit("a", None)
    with pytest.raises(failures.RequestError):
        door.admit("a", None)


def test_slow_rates_and_many_clients(monkeypatch):
    monkeypatch.setattr(access, "_MAX_CLIENTS", 3)
    door = access.Access(requests_per_sec=0.01)
    for number in range(10):
        door.admit(str(number), None)
    assert len(door._buckets) == 3
    with pytest.raises(failures.RequestError) as caught:
        door.admit("9", None)
    assert caught.value.retry_after_secs == 100


@pytest.mark.parametrize("settings", [{"token": ""}, {"token": "a\nb"}, {"requests_per_sec": 0}])
def test_wrong_settings(settings):
    with pytest.raises(types.UserError):
        access.Access(**settings)
