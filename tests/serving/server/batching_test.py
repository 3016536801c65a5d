# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows that wait together run together, and an answer never depends on the others in its batch."""

import asyncio
import threading

import grpc
import numpy as np
import pytest

from serving.server import batching, calls, failures, limits, metrics, servable
from tests.serving.server import models


class _Gated(servable.Servable):
    """A version whose calls wait until the test lets them go."""

    def __init__(self, path):
        whole = servable.load(path)
        super().__init__(path, whole._module, whole.signature_defs, whole._functions)
        self.gate = threading.Semaphore(0)
        self.batches: list[int] = []

    def run(self, name, inputs):
        self.gate.acquire()
        self.batches.append(max(len(value) for value in inputs.values()))
        return super().run(name, inputs)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return str(models.save(tmp_path_factory.mktemp("model"), 1))


@pytest.fixture
def model(path):
    return _Gated(path)


def _texts(*texts):
    return {"question": np.array([t.encode() for t in texts], object)}


def _call(model, inputs, signature="serving_default"):
    return calls.Call(model, model.signatures[signature], inputs)


def _run(model, scenario, **limit):
    """Runs a test on a loop with a batcher of one thread."""

    async def run():
        settings = {"batch_threads": 1, "max_batch_delay_ms": 0, "max_batch_size": 4, **limit}
        batcher = batching.Batcher(limits.Limits(**settings), metrics.Metrics())
        loop = asyncio.get_running_loop()

        def start(call, secs=30.0):
            return asyncio.create_task(batcher.run(call, loop.time() + secs))

        try:
            return await scenario(start)
        finally:
            model.gate.release(1000)
            await batcher.close()

    return asyncio.run(run())


async def _occupied(model, start):
    """A call that keeps the only thread busy until the gate opens."""
    task = start(_call(model, _texts("first")))
    await asyncio.sleep(0.05)
    return task


def test_what_waits_runs_together(model):
    async def scenario(start):
        first = await _occupied(model, start)
        tasks = [start(_call(model, _texts(name))) for name in "abcdef"]
        await asyncio.sleep(0.01)
        model.gate.release(1000)
        await first
        return [(await task)["answer"].tolist() for task in tasks]

    assert _run(model, scenario) == [[name.upper().encode()] for name in "abcdef"]
    assert model.batches == [1, 4, 2]


def test_delay_lets_a_batch_fill(model):
    model.gate.release(1000)

    async def scenario(start):
        tasks = [start(_call(model, _texts("a")))]
        await asyncio.sleep(0.01)
        tasks += [start(_call(model, _texts(name))) for name in "bcd"]
        await asyncio.gather(*tasks)

    _run(model, scenario, max_batch_delay_ms=10_000)  # a full batch does not wait
    assert model.batches == [4]


def test_other_signatures_and_settings_run_apart(model):
    wide, narrow = ({**_texts("a"), "k": np.int32([k])} for k in (5, 2))
    mixed = {**_texts("a", "b"), "k": np.int32([1, 4])}

    async def scenario(start):
        first = await _occupied(model, start)
        tasks = [start(_call(model, inputs, "top")) for inputs in (wide, narrow, mixed, wide)]
        tasks.append(start(_call(model, _texts("x"))))
        await asyncio.sleep(0.01)
        model.gate.release(1000)
        await first
        return [(await task) for task in tasks]

    outputs = _run(model, scenario)
    assert [found["place"].shape for found in outputs[:4]] == [(1, 5), (1, 2), (2, 4), (1, 5)]
    assert sorted(model.batches) == [1, 1, 1, 2, 2]


def test_filtered_questions_run_apart_from_others(model):
    def asked(*filters):
        texts = np.array([text.encode() for text in filters], object)
        return _call(model, {**_texts(*"q" * len(filters)), "filter": texts}, "under_filter")

    requests = ([""], ["a=1"], [""], ["b=2"], ["", "a=1"], ["", ""])

    async def scenario(start):
        first = await _occupied(model, start)
        tasks = [start(asked(*filters)) for filters in requests]
        await asyncio.sleep(0.01)
        model.gate.release(1000)
        await first
        return [(await task)["filtered"].tolist() for task in tasks]

    found = _run(model, scenario)
    assert found == [[any(filters)] * len(filters) for filters in requests]
    assert model.batches == [1, 4, 4]  # those without a filter, and those with one


def test_large_call_is_divided(model):
    model.gate.release(1000)
    numbers = [str(n) for n in range(10)]

    async def scenario(start):
        return await start(_call(model, _texts(*numbers)))

    assert _run(model, scenario)["answer"].tolist() == [n.encode() for n in numbers]
    assert sorted(model.batches) == [2, 4, 4]


def test_bad_request_takes_no_other_with_it(model):
    async def scenario(start):
        first = await _occupied(model, start)
        tasks = [start(_call(model, _texts(t), "refuse")) for t in ("a", "bad", "b")]
        await asyncio.sleep(0.01)
        model.gate.release(1000)
        await first
        return await asyncio.gather(*tasks, return_exceptions=True)

    good, bad, other = _run(model, scenario)
    assert (good["answer"].tolist(), other["answer"].tolist()) == ([b"a"], [b"b"])
    assert isinstance(bad, failures.RequestError)
    assert bad.code is grpc.StatusCode.INVALID_ARGUMENT


def test_full_queue_is_refused_at_once(model):
    async def scenario(start):
        first = await _occupied(model, start)
        waiting = [start(_call(model, _texts("a", "b"))) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(failures.RequestError, match="4 of 5 places") as caught:
            await start(_call(model, _texts("c", "d")))
        model.gate.release(1000)
        await asyncio.gather(first, *waiting)
        await start(_call(model, _texts("c", "d")))  # there is room again
        return caught.value

    error = _run(model, scenario, max_queue_rows=5, max_rows=2)
    assert (error.code, error.http_status) == (grpc.StatusCode.RESOURCE_EXHAUSTED, 429)
    assert error.retry_after_secs == 1


@pytest.mark.parametrize("how", ["expired", "cancelled"])
def test_what_nobody_waits_for_is_not_run(model, how):
    async def scenario(start):
        first = await _occupied(model, start)
        given_up = start(_call(model, _texts("late")), secs=0.02 if how == "expired" else 30)
        kept = start(_call(model, _texts("kept")))
        await asyncio.sleep(0.05)
        if how == "cancelled":
            given_up.cancel()
        error = (await asyncio.gather(given_up, return_exceptions=True))[0]
        model.gate.release(1000)
        await first
        await kept
        return error

    error = _run(model, scenario)
    if how == "expired":
        assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert model.batches == [1, 1]


def test_failure_of_the_graph_is_an_internal_error(model, caplog):
    model.gate.release(1000)

    async def scenario(start):
        return await asyncio.gather(
            start(_call(model, {"vector": np.array([["x", "y"]])}, "norm")), return_exceptions=True
        )

    (error,) = _run(model, scenario)
    assert error.code is grpc.StatusCode.INTERNAL
    assert "A call of norm failed." in caplog.text
