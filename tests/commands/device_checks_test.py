# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings that the devices rule out are refused before any work."""

import dataclasses

import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.commands import device_checks


@pytest.mark.parametrize("strategy", ["mirrored", "multi_worker_mirrored"])
def test_batches_split_over_replicas(monkeypatch, strategy):
    two = type("Two", (), {"num_replicas_in_sync": 2})()
    monkeypatch.setattr(device_checks.strategies, "make_strategy", lambda _: two)
    runtime = config_lib.RuntimeConfig(strategy=strategy)
    device_checks.check(runtime, {"ict": 4, "open_qa": 2})
    message = r"^open_qa\.batch_size must be a multiple of the 2 replicas .* Received: 5\.$"
    with pytest.raises(types.UserError, match=message):
        device_checks.check(runtime, {"ict": 4, "open_qa": 5})
    device_checks.check(config_lib.RuntimeConfig(jit_compile=True), {"open_qa": 5})
    compiled = dataclasses.replace(runtime, jit_compile=True)
    with pytest.raises(types.UserError, match=r"^runtime\.jit_compile works on one replica"):
        device_checks.check(compiled, {"ict": 4})
