# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The table of all settings is up to date, and holds every setting."""

from realm_tf import config
from realm_tf.config import ranges
from tools import settings_table


def test_table_is_up_to_date():
    written = settings_table.PATH.read_text(encoding="utf-8")
    assert written == settings_table.text(), "Run `make settings-table`."


def _keys(values: dict, prefix: str = "") -> list[str]:
    return [
        key
        for name, value in values.items()
        for key in (
            _keys(value, f"{prefix}{name}.")
            if isinstance(value, dict) and value
            else [f"{prefix}{name}"]
        )
    ]


def test_every_setting_is_in_the_table_once_with_a_meaning():
    rows = [line for line in settings_table.text().splitlines() if line.startswith("| `")]
    cells = [row.strip("|").split(" | ") for row in rows]
    assert sorted(row[0].strip(" `") for row in cells) == sorted(
        _keys(config.to_dict(config.Config()))
    )
    for row in cells:
        assert len(row) == 4
        assert row[3].rstrip().endswith(".")


def test_row_says_default_range_and_meaning():
    row = "| `open_qa.num_searched` | `5000` | a whole number, at least 1 | Number of blocks in the"
    assert row in settings_table.text()
    assert ranges.Spec("", above=0, at_most=1).valid() == "above 0 and at most 1"
