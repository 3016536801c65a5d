# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where there is no terminal, a line tells now and then how far a step is; on one, a bar does."""

import io
import logging
import threading

import tqdm

from beam_jobs.engine import progress


def test_a_line_tells_how_far_a_step_is(monkeypatch, caplog):
    monkeypatch.setattr(progress, "LINE_EVERY_SECS", 0.01)
    caplog.set_level(logging.INFO)
    amounts, told = iter([2.0, 2.0, 2.5]), threading.Event()

    def done() -> float:
        amount = next(amounts, None)
        if amount is None:
            told.set()
        return amount or 4.0

    with progress.shown("PackShard", 8, done):
        assert told.wait(60)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("PackShard: 2.5 of 8 items done, about ")
    assert lines[0].endswith(" min to go")


def test_the_rest_is_guessed_from_what_was_done_since_the_start():
    assert progress._line("S", 8, 2.0, 4.0, 60.0) == "S: 4.0 of 8 items done, about 2 min to go"
    assert progress._line("S", 8, 2.0, 2.0, 60.0) == "S: 2.0 of 8 items done"


def test_a_bar_ends_at_what_is_done(monkeypatch):
    shown = io.StringIO()
    bar = tqdm.tqdm
    monkeypatch.setattr(
        progress.tqdm, "tqdm", lambda **kept: bar(**{**kept, "file": shown, "disable": False})
    )
    amounts = iter([1.0])
    with progress.shown("PackShard", 4, lambda: next(amounts, 3.5)):
        pass
    assert "3.5/4" in shown.getvalue()


def test_nothing_is_said_of_a_short_step(caplog):
    caplog.set_level(logging.INFO)
    with progress.shown("PackShard", 1, lambda: 0.0):
        pass
    assert not caplog.records


def test_notes_are_seldom(monkeypatch):
    notes: list[float] = []
    note = progress.ItemProgress(notes.append)
    for done in range(1000):
        note(done, 1000)
    assert notes == []
    monkeypatch.setattr(progress, "NOTE_EVERY_SECS", 0.0)
    note(1, 4)
    note(9, 4)
    note(1, 0)
    assert notes == [0.25, 1.0]
