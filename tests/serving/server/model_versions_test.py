# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""New versions take over without a lost request, and old ones leave memory."""

import asyncio
import gc
import shutil
import threading
import weakref

import pytest

from realm_tf import types
from serving import warmup
from serving.server import failures, model_store, model_versions, policy
from tests.serving.server import live, models


def _versions(path, **served):
    return model_versions.ModelVersions("realm", str(path), policy.Policy(**served))


def _numbers(found):
    return [model.number for model in found]


def _states(found):
    return {number: status.state.name for number, status in found.statuses().items()}


def test_newest_version_replaces_the_one_before(tmp_path):
    async def run():
        found = _versions(tmp_path)
        models.save(tmp_path, 1)
        await found.refresh()
        assert _numbers(found) == [1]
        models.save(tmp_path, 2)
        (tmp_path / "3").mkdir()  # a copy that has just begun
        await found.refresh()
        assert _states(found) == {2: "AVAILABLE", 1: "END"}
        shutil.rmtree(tmp_path / "2")  # back to the version before
        await found.refresh()
        assert _states(found) == {2: "END", 1: "AVAILABLE"}
        shutil.rmtree(tmp_path / "1")
        await found.refresh()
        assert _numbers(found) == [1]  # an old answer is better than none

    asyncio.run(run())


def test_version_stays_while_it_is_used_and_then_leaves_memory(tmp_path):
    async def run():
        found = _versions(tmp_path)
        models.save(tmp_path, 1)
        await found.refresh()
        with found.use() as model:
            gone = weakref.ref(model)
            models.save(tmp_path, 2)
            refreshing = asyncio.create_task(found.refresh())
            while _states(found).get(1) != "UNLOADING":
                await asyncio.sleep(0.01)
            assert _numbers(found) == [2]
            with found.use() as newest:
                assert newest.number == 2
            with pytest.raises(failures.RequestError, match="not served"), found.use(1):
                pass
            assert not refreshing.done()
            assert model.run("serving_default", {"question": [b"a"]})["version"] == [1]
            del model
        await refreshing
        gc.collect()
        assert gone() is None

    asyncio.run(run())


def test_damaged_version_is_passed_over_until_it_is_mended(tmp_path, caplog):
    async def run():
        found = _versions(tmp_path)
        models.save(tmp_path, 1)
        whole = (models.save(tmp_path, 2) / "saved_model.pb").read_bytes()
        (tmp_path / "2" / "saved_model.pb").write_bytes(whole[:100])
        for _ in range(3):
            await found.refresh()
        assert _states(found) == {2: "END", 1: "AVAILABLE"}
        assert "is damaged" in found.statuses(2)[2].error
        assert caplog.text.count("Version 2 is not served") == 1  # and it is not tried again
        (tmp_path / "2" / "saved_model.pb").write_bytes(whole)
        await found.refresh()
        assert _states(found) == {2: "AVAILABLE", 1: "END"}

    asyncio.run(run())


def test_failing_warmup_keeps_a_version_out(tmp_path):
    async def run():
        found = _versions(tmp_path)
        version = models.save(tmp_path, 1, with_warmup=True)  # of a signature that is not there
        assert (version / warmup.PATH).exists()
        await found.refresh()
        assert _numbers(found) == []
        assert "no signature 'retrieve'" in found.statuses()[1].error

    asyncio.run(run())


def test_policies_and_labels(tmp_path):
    async def run():
        for number in (1, 2, 3, 4):
            models.save(tmp_path, number)
        found = _versions(tmp_path, latest=2, labels={"stable": 1})
        await found.refresh()
        assert _numbers(found) == [1, 3, 4]
        with found.use(label="stable") as model:
            assert model.number == 1
        await found.reconfigure(policy.Policy(specific=frozenset([2])))
        assert _numbers(found) == [2]
        await found.reconfigure(policy.Policy(latest=policy.ALL))
        assert _numbers(found) == [1, 2, 3, 4]

    asyncio.run(run())


def test_bounded_memory_while_versions_change(tmp_path, monkeypatch):
    loaded, most = [], []
    load = model_store.ModelStore.load

    def counted(store, number):
        loaded.append(weakref.ref(model := load(store, number)))
        gc.collect()
        most.append(sum(one() is not None for one in loaded))
        return model

    async def run():
        monkeypatch.setattr(model_store.ModelStore, "load", counted)
        found = _versions(tmp_path, latest=2)
        for start in (1, 3, 5):
            models.save(tmp_path, start)
            models.save(tmp_path, start + 1)
            await found.refresh()
        assert _numbers(found) == [5, 6]

    asyncio.run(run())
    assert max(most) == 3


@pytest.mark.parametrize(("texts", "labels"), [(["a=1", "b=20"], {"a": 1, "b": 20}), ([], {})])
def test_labels_are_parsed(texts, labels):
    assert policy.parse_labels(texts) == labels


@pytest.mark.parametrize("texts", [["a"], ["a="], ["=1"], ["a=1", "a=2"], ["a=-1"]])
def test_wrong_labels_are_refused(texts):
    with pytest.raises(types.UserError, match="NAME=VERSION"):
        policy.parse_labels(texts)


def test_no_request_is_lost_while_versions_change(tmp_path):
    models.save(tmp_path, 1)
    with live.serve(tmp_path) as server:
        seen, faults, stop = [], [], threading.Event()

        def ask(name):
            while not stop.is_set():
                found = live.call(server, "/v1/models/realm:predict", {"inputs": [name]})
                if found.status != 200 or found.body["outputs"]["answer"] != [name.upper()]:
                    faults.append(found)
                seen.append(found.body["outputs"]["version"][0])

        threads = [threading.Thread(target=ask, args=(name,)) for name in ("a", "b", "c")]
        for thread in threads:
            thread.start()
        for number in (2, 3, 4):
            models.save(tmp_path, number)
            while number not in seen[-20:]:
                assert not faults
        stop.set()
        for thread in threads:
            thread.join()
        assert not faults
        assert set(seen) == {1, 2, 3, 4}
        status = live.call(server, "/v1/models/realm").body["model_version_status"]
        assert [one["version"] for one in status if one["state"] == "AVAILABLE"] == ["4"]
