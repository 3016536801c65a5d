# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The figures of loops are kept line by line, and go back with the training."""

import numpy as np

from realm_tf.training.engine import figures


def _filled(directory):
    log = figures.FigureLog(str(directory), 0)
    for step in (1, 2, 3):
        log.append(figures.plain(step, 2.5, {"loss": np.float32(0.1 * step), "rate": 6.25e-07}))
    return log


def test_rows_are_read_back(tmp_path):
    log = _filled(tmp_path)
    assert figures.read(str(tmp_path)) == log.rows
    assert log.rows[1] == {"step": 2, "steps_per_second": 2.5, "loss": 0.2, "rate": 6.25e-07}
    assert figures.read(str(tmp_path / "nothing")) == []


def test_resumed_training_forgets_what_came_later(tmp_path):
    _filled(tmp_path)
    again = figures.FigureLog(str(tmp_path), 2)
    assert [row["step"] for row in again.rows] == [1, 2]
    again.append({"step": 3, "loss": 9.0})
    assert [row["loss"] for row in figures.read(str(tmp_path))] == [0.1, 0.2, 9.0]


def test_torn_line_is_left_out(tmp_path):
    _filled(tmp_path)
    path = tmp_path / figures.FILE
    path.write_text(path.read_text() + '{"step": 4, "lo')
    assert [row["step"] for row in figures.read(str(tmp_path))] == [1, 2, 3]
    log = figures.FigureLog(str(tmp_path), 3)
    log.append({"step": 4})
    assert [row["step"] for row in figures.read(str(tmp_path))] == [1, 2, 3, 4]


def test_latest_of_a_figure_that_not_every_row_has():
    rows = [{"step": 1, "a": 5.0}, {"step": 2}]
    assert figures.latest(rows, "a") == 5.0
    assert figures.latest(rows, "b") is None
