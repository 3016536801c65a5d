# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Items are done once, and what failed is done by the next call."""

import os
import pathlib

import pytest
from apache_beam.metrics import metric

from beam_jobs.engine import job_folder, progress, runner, work_items
from realm_tf import artifacts, types

STEP = "Double"


class DoubleFn(work_items.ItemFn):
    """Doubles numbers; notes every call; fails while a file says so."""

    def work(self, number, name, value):
        with open(self.folder.file("calls"), "a", encoding="utf-8") as f:
            f.write(f"{number}\n")
        stop = pathlib.Path(self.folder.file("stop"))
        if stop.exists() and stop.read_text() == str(number):
            raise OSError(28, "No space left on device", name)
        return {"counts": {"values": value}, "doubled": value * 2, "name": name}


ITEMS = [(f"é{i}", i) for i in range(7)]


def run(folder, *, beam_args=()):
    work_items.run(DoubleFn(folder, STEP), ITEMS, beam_args=beam_args)


def calls(folder) -> list[int]:
    return sorted(map(int, pathlib.Path(folder.file("calls")).read_text().split()))


def check(folder):
    results = list(folder.results(STEP, len(ITEMS)))
    assert [(r["name"], r["doubled"]) for r in results] == [(n, v * 2) for n, v in ITEMS]


def test_every_item_is_done_once(tmp_path):
    folder = job_folder.open_folder(str(tmp_path / "x.job"), "plan", resume=True)
    run(folder)
    check(folder)
    assert calls(folder) == list(range(7))
    run(folder)  # all is done
    assert calls(folder) == list(range(7))


def test_parts_of_items_in_work_count_as_done(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "NOTE_EVERY_SECS", 0.0)
    folder = job_folder.open_folder(str(tmp_path / "x.job"), "plan", resume=True)
    assert folder.amount_done(STEP) == 0
    os.makedirs(folder.file(STEP))
    folder.note(STEP, 5)(1, 4)
    folder.note(STEP, 6)(1, 2)
    assert folder.amount_done(STEP) == 0.75
    assert folder.done(STEP) == set()
    folder.write_result(STEP, 6, {})
    assert folder.amount_done(STEP) == 1.25
    pathlib.Path(folder.file(STEP, "000005.part")).write_text("")  # caught while it was written
    assert folder.amount_done(STEP) == 1.0


@pytest.mark.slow
def test_processes_do_the_same(tmp_path):
    folder = job_folder.open_folder(str(tmp_path / "x.job"), "plan", resume=True)
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    run(folder, beam_args=options)
    check(folder)


def test_what_failed_is_one_line_and_is_done_by_the_next_call(tmp_path):
    path = str(tmp_path / "x.job")
    folder = job_folder.open_folder(path, ["plan", 1], resume=True)
    pathlib.Path(folder.file("stop")).write_text("4")
    with pytest.raises(types.UserError) as error:
        run(folder)
    message = "No space left on device: é4. Free some space, and give the same command again: it"
    assert str(error.value) == message + " goes on where it stopped."
    assert 4 not in folder.done(STEP)
    os.remove(folder.file("stop"))
    done = folder.done(STEP)
    os.remove(folder.file("calls"))
    folder = job_folder.open_folder(path, ["plan", 1], resume=True)
    run(folder)
    check(folder)
    assert calls(folder) == sorted(set(range(7)) - done)


@pytest.mark.parametrize(("plan", "resume"), [("other", True), ("plan", False)])
def test_another_plan_or_no_resume_does_all_again(tmp_path, plan, resume):
    path = str(tmp_path / "x.job")
    run(job_folder.open_folder(path, "plan", resume=True))
    folder = job_folder.open_folder(path, plan, resume=resume)
    assert folder.done(STEP) == set()
    run(folder)
    assert calls(folder) == list(range(7))


def test_a_forgotten_item_is_done_again(tmp_path):
    folder = job_folder.open_folder(str(tmp_path / "x.job"), "plan", resume=True)
    run(folder)
    folder.forget(STEP, 2)
    run(folder)
    check(folder)
    assert calls(folder) == [0, 1, 2, 2, 3, 4, 5, 6]


def test_removing_steps_keeps_the_rest(tmp_path):
    folder = job_folder.open_folder(str(tmp_path / "x.job"), "plan", resume=True)
    run(folder)
    folder.remove(STEP, "Never")
    assert os.listdir(folder.path) == ["calls"]
    folder.remove("calls")
    assert not os.path.exists(folder.path)


def test_asides_of_killed_processes_are_removed(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/x.json.tmp-12ab", "x.tmp-1", "a/x.json"):
        (tmp_path / name).write_text("x")
    artifacts.remove_asides(str(tmp_path))
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["x.json"]


def test_counts_become_counters(tmp_path):
    folder = job_folder.open_folder(str(tmp_path / "x.job"), "plan", resume=True)
    os.makedirs(folder.file(STEP))
    with runner.pipeline([]) as pipeline:
        elements = list(enumerate(ITEMS))
        _ = pipeline | work_items.beam.Create(elements) | work_items.Work(DoubleFn(folder, STEP))
    wanted = metric.MetricsFilter().with_name("values")
    (counter,) = pipeline.result.metrics().query(wanted)["counters"]
    assert counter.key.metric.namespace == STEP
    assert counter.committed == sum(value for _, value in ITEMS)
