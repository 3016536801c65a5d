# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each sign of the vicious cycle gives its alarm, and a healthy training gives none."""

import pytest

from realm_tf import config
from realm_tf.training.run import alarms

_CONFIG = config.PretrainConfig(num_candidates=4, alarms=config.AlarmsConfig(window_steps=300))


def _healthy(steps=600):
    """A training whose figures are those of the quickstart, more or less."""
    rows = []
    for step in range(50, steps + 1, 50):
        row = {
            "step": step,
            "training_loss": 7 - step / 300,
            "retrieval_utility": -0.1 + step / 1000,
            "null_probability": 0.25,
            "retrieval_entropy": 1.0,
            "query_spread": 0.32 if step <= 50 else 0.15,
            "held_out_recall": 0.2 + step / 10000,
            "held_out_different_blocks": 0.6,
        }
        if step % 100 == 0:
            row["held_out_accuracy"] = step / 2000
        rows.append(row)
    return rows


def _with(rows, last=None, **changes):
    """The rows with other figures in the last ones of them."""
    changed = [dict(row) for row in rows]
    for row in changed[-last if last else 0 :]:
        row.update({name: value for name, value in changes.items() if name in row})
    return changed


def test_healthy_training_gives_none():
    rows = _healthy()
    assert all(not alarms.look(rows[:n], _CONFIG) for n in range(len(rows) + 1))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("no_utility", {"retrieval_utility": -0.01}, "do not help the reader"),
        ("null_block", {"null_probability": 0.99}, "the null block takes nearly all"),
        ("low_entropy", {"retrieval_entropy": 0.02}, "one block takes nearly all"),
        ("low_spread", {"query_spread": 0.02}, "query_spread is 0.0200, and was 0.3200"),
        ("same_blocks", {"held_out_different_blocks": 0.03}, "all queries retrieve the same"),
        ("recall_falls", {"held_out_recall": 0.05}, "find less and less"),
    ],
)
def test_each_sign_gives_its_alarm(name, changes, message):
    found = alarms.look(_with(_healthy(), last=6, **changes), _CONFIG)
    assert found.keys() == {name}
    assert message in found[name]
    # Nothing is said of a few bad loops in a window that is good on the whole.
    if name not in ("same_blocks", "recall_falls"):
        assert not alarms.look(_with(_healthy(), last=1, **changes), _CONFIG)


def test_entropy_that_the_null_block_takes_is_told_once():
    rows = _with(_healthy(), last=6, null_probability=0.99, retrieval_entropy=0.0)
    assert alarms.look(rows, _CONFIG).keys() == {"null_block"}


def test_nothing_is_told_before_the_first_window():
    rows = _with(_healthy(steps=250), retrieval_utility=-1.0)
    assert alarms.look(rows, _CONFIG) == {}
    assert alarms.look([], _CONFIG) == {}


def test_loss_that_falls_while_held_out_accuracy_does_not():
    rows = _healthy(steps=1000)
    stuck = [
        {**row, **({"held_out_accuracy": 0.25} if "held_out_accuracy" in row else {})}
        for row in rows
    ]
    found = alarms.look(stuck, _CONFIG)
    assert found.keys() == {"memorises"}
    assert "not risen above its 0.250 of step 100" in found["memorises"]
    same_loss = [{**row, "training_loss": 5.0} for row in stuck]
    assert alarms.look(same_loss, _CONFIG) == {}


def test_alarms_begin_where_they_were_not_before():
    seen = [
        {},
        {"no_utility": "x"},
        {"no_utility": "x", "same_blocks": "y"},
        {},
        {"no_utility": ""},
    ]
    rows = [{"step": i, **alarms.flags(found)} for i, found in enumerate(seen)]
    expected = [(1, "no_utility"), (2, "same_blocks"), (4, "no_utility")]
    assert list(alarms.begun(rows)) == expected
    assert rows[0]["alarm_no_utility"] == 0
    assert rows[1]["alarm_no_utility"] == 1
