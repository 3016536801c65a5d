# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Who may import whom, and the shape of every file.

Rooms run from left to right, and a file imports from its own room and from those to its left:
types, config, artifacts; text; data; {models, retrieval}; {training, evaluation}; jobs, scorecard,
inspection and conversion; pipeline; cli.
Siblings in braces do not know each other.
"""

import ast
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import source_tree

ROOT = pathlib.Path(__file__).parents[1]
MAX_LINES = 320
HEADER = "# Copyright 2026 The realm-tf Authors.\n# SPDX-License-Identifier: Apache-2.0\n"

# Room: the rooms that it may import, besides itself. A room holds the modules below its name.
_BASE = {"realm_tf", "realm_tf.version", "realm_tf.types", "realm_tf.artifacts"}
_BASE |= {"realm_tf.config_jobs"}
