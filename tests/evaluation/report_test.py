# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The report keeps every stage's figures, and shows them."""

import os
import textwrap

import numpy as np
import pytest

from realm_tf import types
from realm_tf.evaluation import report


def test_merge_keeps_other_stages_and_replaces_its_own(tmp_path):
    workdir = str(tmp_path / "work")
    assert report.read(workdir) == {}
    report.merge(workdir, "data", {"blocks": 3})
    report.merge(workdir, "qa", {"skipped": "no questions"})
    merged = report.merge(workdir, "qa", {"exact_match": 0.5})
    assert merged == {"data": {"blocks": 3}, "qa": {"exact_match": 0.5}}
    assert report.read(workdir) == merged
    assert os.listdir(workdir) == [report.FILE]


def test_numbers_become_json(tmp_path):
    figures = {"a": np.float32(0.5), "b": np.int64(7), "c": float("nan"), "d": (1, np.inf)}
    report.merge(str(tmp_path), "x", figures)
    assert report.read(str(tmp_path))["x"] == {"a": 0.5, "b": 7, "c": None, "d": [1, None]}


def test_damaged_report_is_refused(tmp_path):
    (tmp_path / report.FILE).write_text("{")
    with pytest.raises(types.UserError, match="not JSON"):
        report.read(str(tmp_path))


def test_keep_forgets_the_rest(tmp_path):
    workdir = str(tmp_path)
    for stage in ("corpus", "seconds", "systems"):
        report.merge(workdir, stage, {"x": 1})
    report.keep(workdir, "seconds", "other")
    assert report.read(workdir) == {"seconds": {"x": 1}}
    (tmp_path / report.FILE).write_text("{")  # damaged: nothing can be kept
    report.keep(workdir, "seconds")
    assert report.read(workdir) == {}


def test_names_that_do_not_explain_themselves_are_explained():
    figures = {"gold_recall@5": 0.5, "masked_retrieval_utility": 0.1}
    text = report.render({"frequent_answer": {"exact_match": 0.1}, "systems": {"ict": figures}})
    told = text.rpartition("\n\n")[2].splitlines()
    names = [line.partition(": ")[0] for line in told]
    assert names == ["gold_recall", "masked_retrieval_utility", "frequent_answer"]
    assert "gold_recall:" not in report.render({"systems": {"ict": {"recall@5": 0.5}}})


def test_render():
    text = report.render(
        {
            "data": {"blocks": 12345, "text": "small", "gate": True, "files": ["a"]},
            "systems": {
                "ict": {"recall@1": 0.25, "measured": {"x": 1}},
                "realm": {"recall@1": 0.5, "exact_match": 1 / 3, "measured": {"x": 1}},
            },
            "secs": 1234.5,
            "empty": {},
        }
    )
    expected = """\
        data
          blocks  12,345
          text     small
          gate       yes

        systems
                         ict  realm
          recall@1     0.250  0.500
          exact_match      -  0.333

        secs  1,234

        empty"""
    assert text == textwrap.dedent(expected)


def test_intervals_stand_beside_their_figures_and_the_last_system_is_shown_by_word():
    def system(value):
        figures = {"questions": 4, "f1": value, "intervals": {"f1": [value - 0.1, value + 0.2]}}
        return {**figures, "by_question_word": {"who": figures}, "masked_accuracy": 0.1}

    text = report.render({"systems": {"ict": system(0.25), "realm": system(0.5)}})
    expected = """\
        systems
                                    ict         realm
          questions                   4             4
          f1               0.250 \u00b10.150  0.500 \u00b10.150
          masked_accuracy         0.100         0.100

        realm by question word
                              all           who
          questions             4             4
          f1         0.500 \u00b10.150  0.500 \u00b10.150

        intervals: behind \u00b1 stands half of the 95% interval (bootstrap)"""
    assert text == textwrap.dedent(expected)


def test_retrievers_stand_side_by_side():
    found = {"bm25": {"recall@1": 0.25}, "bm25+dense": {"recall@1": 0.5}}
    text = report.render({"systems": {"ict": {"retrievers": {}}, "realm": {"retrievers": found}}})
    assert "realm, retrievers side by side\n             bm25  bm25+dense\n" in text
    assert "  recall@1  0.250       0.500" in text
    assert "retrievers: bm25: by words" in text
