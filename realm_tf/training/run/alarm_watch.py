# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What follows from an alarm of joint training: a warning, its end, or the best weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.training.engine import figures, loop, workers
from realm_tf.training.run import alarms

_LOGGER = logging.getLogger(__name__)


def recipe(config: config_lib.PretrainConfig) -> dict[str, Any]:
    """What alarms add to the recipe of a training: all that decides them, where they may end it."""
    is_decisive = config.alarms.on_alarm == "best"
    return {"alarms": config_lib.to_dict(config.alarms)} if is_decisive else {}


class AlarmWatch:
    """Looks for alarms after every loop; see `loop.Watch`.

    Args:
      config: Thresholds, and what follows.
      worker: The chief looks; where an alarm ends the training, all workers end it together.
    """

    def __init__(self, config: config_lib.PretrainConfig, worker: workers.Worker):
        self._config, self._worker = config, worker
        self._messages: dict[str, str] = {}

    def judge(self, rows: Sequence[figures.Row]) -> dict[str, float]:
        """The alarms as figures, for the newest row."""
        self._messages = alarms.look(rows, self._config)
        return alarms.flags(self._messages)

    def act(self, rows: Sequence[figures.Row]) -> None:
        """Tells the alarms that began in the newest row, and does what follows from them.

        Raises:
          UserError: If there are some, and `on_alarm` is "stop".
          StopTraining: If there are some, and `on_alarm` is "best".
        """
        new = self._begun(rows)
        for name in new:
            message = self._messages.get(name, "see the log of the run before")
            _LOGGER.warning("alarm %s at step %d: %s", name, rows[-1]["step"], message)
        if new and self._config.alarms.on_alarm == "stop":
            raise types.UserError(self._stopped(new[0], int(rows[-1]["step"])))
        if self._config.alarms.on_alarm == "best" and self._worker.any(bool(new)):
            _LOGGER.warning(
                "joint training ends here; the run goes on with the weights that had the best"
                " retrieval utility (pretrain.alarms.on_alarm=best)"
            )
            raise loop.StopTraining

    def _begun(self, rows: Sequence[figures.Row]) -> list[str]:
        last = rows[-1]["step"] if rows else None
        return [name for step, name in alarms.begun(rows) if step == last]

    def _stopped(self, name: str, step: int) -> str:
        message = self._messages.get(name, "")
        return (
            f"Alarm {name} at step {step}: {message}. Training stops, because"
            " pretrain.alarms.on_alarm is stop; the checkpoints before this step are there. Set it"
            " to warn to go on with them all the same; see docs/operations.md."
        )
