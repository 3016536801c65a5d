# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page of a run is made of the files of the run."""

import json
import pathlib

import pytest

from realm_tf.commands import run_page
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import predictions
from tests.evaluation import given
from tests.serving.server import chromium

needs_chromium = pytest.mark.skipif(chromium.PATH is None, reason="no Chromium here")


@pytest.fixture
def workdir(tmp_path):
    """A run of two trainings, with a report and predictions, of which one in three is right."""
    (tmp_path / "config.yaml").write_text("{}")
    rows = {
        "pretrain-0a": [
            {"step": 3, "training_loss": 5.0, "retrieval_utility": 0.1, "staleness_steps": 1.0},
            {"step": 6, "training_loss": 4.0, "held_out_retrieval_utility": 0.2},
        ],
        "open_qa_weights-0b": [{"step": 2, "training_loss": 1.0}],
        "open_qa_weights-0c": [{"step": 2, "training_loss": 2.0}],
    }
    for name, figures in rows.items():
        directory = tmp_path / "training" / name
        directory.mkdir(parents=True)
        lines = (json.dumps(row) + "\n" for row in figures)
        (directory / "figures.jsonl").write_text("".join(lines))
    recall = {"10": {"held_out_recall": 0.5}, "0": {"held_out_recall": 0.25}}
    (tmp_path / "training/pretrain-0a/snapshot_recall.json").write_text(json.dumps(recall))
    diagram = [{"count": 3, "mean": 0.25, "share": 0.5}]
    diagrams = {"answers": diagram, "no_evidence": []}
    systems = {"ict": {"f1": 0.125}, "realm": {"f1": 0.5, "diagrams": diagrams}}
    (tmp_path / "report.json").write_text(json.dumps({"systems": systems}))
    made = [
        given.prediction(
            questions_lib.Question(str(n), f"Who is <b>{n}</b>?", ("x",)),
            "y" if n % 3 else "x",
            evidence=given.evidence(),
        )
        for n in range(150)
    ]
    predictions.write(str(tmp_path / "predictions_realm.jsonl"), made)
    return tmp_path


def test_what_is_shown(workdir):
    found = run_page.collect(str(workdir))
    lines = {chart.title: dict(chart.lines) for chart in found.charts}
    assert lines["Loss"] == {
        "pretrain: training_loss": [(3, 5.0), (6, 4.0)],
        "open_qa: training_loss": [(2, 1.0)],
        "open_qa 2: training_loss": [(2, 2.0)],
    }
    assert lines["Utility of retrieval, in nats"] == {
        "pretrain: retrieval_utility": [(3, 0.1)],
        "pretrain: held_out_retrieval_utility": [(6, 0.2)],
    }
    assert lines["Staleness of the index, in steps"] == {"pretrain: staleness_steps": [(3, 1.0)]}
    assert lines["Held-out recall by snapshot"] == {"pretrain": [(0, 0.25), (10, 0.5)]}
    (calibration,) = (chart for chart in found.charts if chart.diagonal)
    assert calibration.lines == {"answers": [(0.25, 0.5)]}
    assert found.system == "realm"
    assert [p.correct for p in found.examples] == [True] * 20 + [False] * 20
    assert "f1  0.125  0.500" in found.report


def test_a_run_that_has_only_begun_has_a_page(tmp_path):
    (tmp_path / "config.yaml").write_text("{}")
    page = pathlib.Path(run_page.write(str(tmp_path))).read_text(encoding="utf-8")
    assert "No training has left figures." in page


@needs_chromium
def test_a_browser_shows_it(workdir):
    path = run_page.write(str(workdir))
    with chromium.page() as page:
        page.open(f"file://{path}")
        page.wait("document.readyState === 'complete'")
        assert page.get("document.querySelectorAll('svg').length") == 5
        assert page.get("document.querySelectorAll('details.correct').length") == 20
        assert page.get("document.querySelector('summary b').innerText") == "Who is <b>0</b>?"
        assert page.get("document.querySelector('details svg, summary script')") is None
        assert page.messages == []  # the policy has refused nothing
