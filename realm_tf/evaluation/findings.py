# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a look at the data has found: faults, with the setting that cures them."""

from __future__ import annotations

import dataclasses
from typing import Any

ERROR = "error"  # nothing could be learnt, or the run would be refused
WARNING = "warning"
NOTE = "note"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that a user should know of the data.

    Attributes:
      level: `ERROR`, `WARNING` or `NOTE`.
      message: What was found, as whole sentences.
      setting: Setting that does not suit the data; None if it is no matter of settings.
      value: Value of the setting.
      proposed: Value that would suit.
    """

    level: str
    message: str
    setting: str | None = None
    value: Any = None
    proposed: Any = None

    def text(self) -> str:
        """The finding, as one line for people."""
        if self.setting is None:
            return f"{self.level}: {self.message}"
        return (
            f"{self.level}: {self.message} Try {self.setting}={self.proposed} (it is {self.value})."
        )
