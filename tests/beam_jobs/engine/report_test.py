# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tallies add up in any order; dead letters are kept, counted, and stop a job that has too many."""

import itertools
import json

import pytest
import tensorflow as tf

from beam_jobs.engine import job_folder
from beam_jobs.engine import report as job_report
from realm_tf import artifacts, types


def tally(number: int) -> job_report.Tally:
    made = job_report.Tally()
    made.count("documents", number)
    made.drop("redirect" if number % 2 else "list", f"f:{number}")
    made.measure("bytes", [number, 7, 8])
    made.measure("wordpieces", [number * 10], 32)
    made.bad_record("f", number, f"f:{number}: bad")
    for i in range(4):
        made.sample(f"{(number * 7 + i * 5) % 23:02d}", 3, text="x")
    return made


def total(parts) -> job_report.Tally:
    return job_report.total(json.loads(json.dumps([{"tally": vars(part)} for part in parts])))


def test_parts_add_up_the_same_in_any_order():
    sums = [total([tally(n) for n in order]) for order in itertools.permutations([1, 2, 3])]
    for one in sums:
        assert one.counts == {"documents": 6}
        assert one.dropped == {"redirect": 2, "list": 1}
        assert one.histograms["bytes"] == {"1": 1, "2": 1, "4": 1, "8": 6}
        assert one.histograms["wordpieces"] == {"32": 3}
        assert (one.bad, one.first_bad) == (3, ["f", 1, "f:1: bad"])
        keys = sorted(f"{(n * 7 + i * 5) % 23:02d}" for n in (1, 2, 3) for i in range(4))
        assert [sample["key"] for sample in one.samples] == keys[:5]


def test_first_example_of_a_reason_is_that_of_the_first_part():
    assert total([tally(3), tally(1)]).examples == {"redirect": "f:3"}


def test_bounds_are_not_below_the_values():
    made = job_report.Tally()
    made.measure("a", [0, 1, 2, 3, 4, 1023, 1024])
    assert made.histograms["a"] == {"0": 1, "1": 1, "2": 1, "4": 2, "1024": 2}
    made.measure("b", [0, 31, 32, 33, 64], 32)
    assert made.histograms["b"] == {"0": 1, "32": 2, "64": 2}


def test_everything_is_a_counter():
    assert tally(3).beam_counts() == {"documents": 3, "dropped_redirect": 1, "bad_records": 1}


def letters_in(root, messages_of_items) -> tuple[job_folder.Folder, job_report.Tally]:
    folder = job_folder.open_folder(str(root / "x.job"), "plan", resume=True)
    whole = job_report.Tally()
    for number, messages in enumerate(messages_of_items):
        tf.io.gfile.makedirs(folder.file("Read"))
        part = job_report.Tally()
        letters = job_report.DeadLetters(folder, "Read", number, part)
        for record, message in enumerate(messages, 1):
            letters.add(f"f{number}", record, "unreadable", message, raw="{" * record)
        letters.write()
        whole.add(part)
    return folder, whole


def test_dead_letters_are_joined_in_order(tmp_path):
    folder, whole = letters_in(tmp_path, [["a\nb"], [], ["é", "c"]])
    path = job_report.collect_dead_letters(folder, {"Read": 3, "Never": 2})
    with open(path, encoding="utf-8") as f:
        found = [json.loads(line) for line in f]
    assert [(d["file"], d["record"], d["message"], d["raw"]) for d in found] == [
        ("f0", 1, "a b", "{"),
        ("f2", 1, "é", "{"),
        ("f2", 2, "c", "{{"),
    ]
    assert {d["cause"] for d in found} == {"unreadable"}
    assert (whole.bad, whole.first_bad) == (3, ["f0", 1, "a b"])


def test_what_an_item_wrote_before_it_was_killed_does_not_stay(tmp_path):
    letters_in(tmp_path, [["a"]])
    folder, whole = letters_in(tmp_path, [[]])
    path = job_report.collect_dead_letters(folder, {"Read": 1})
    with open(path, encoding="utf-8") as f:
        assert f.read() == ""
    job_report.check_bad(whole, 0, 0.0, path)


def test_too_many_bad_records_are_one_line(tmp_path):
    _, whole = letters_in(tmp_path, [["f0:1: bad JSON."], ["f1:1: x", "f1:2: x"]])
    with pytest.raises(types.UserError) as error:
        job_report.check_bad(whole, 100, 0.02, "DIR/dead_letters.jsonl")
    assert str(error.value) == (
        "f0:1: bad JSON. (2 more bad records; all are in DIR/dead_letters.jsonl; of 100 records,"
        " max_bad_fraction lets 0.02 be bad.)"
    )
    job_report.check_bad(whole, 100, 0.03, "DIR/dead_letters.jsonl")


def test_report_is_written_for_machines_and_people(tmp_path):
    folder, whole = letters_in(tmp_path, [["f0:1: bad JSON."]])
    whole.add(total([tally(n) for n in (1, 2, 3)]))
    whole.samples[0] = {"key": "00", "title": "A title", "text": "word " * 50}
    job_report.write(folder, {"job": "blocks"}, whole)
    body = artifacts.read_json(folder.file(job_report.REPORT_JSON))
    assert (body["job"], body["counts"], body["bad"]) == ("blocks", {"documents": 6}, 4)
    with open(folder.file(job_report.REPORT_TEXT), encoding="utf-8") as f:
        text = f.read()
    assert text.startswith("job          blocks\n\ncounts\n  documents              6\n")
    assert "  redirect              2  first: f:1\n  list                  1  first: f:2\n" in text
    assert "  4, first: f:1\n  f:1: bad\n" in text
    assert f"  up to           8            6  {'#' * 40}\n" in text
    assert "  A title\n  word word" in text
    assert max(map(len, text.splitlines())) <= 100
