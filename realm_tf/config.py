# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration: frozen dataclasses that are loaded, overridden, checked and dumped.

Nothing here imports TensorFlow. Lengths are in wordpieces with special tokens; steps are optimiser
steps. The defaults are the paper's (Guu et al., 2020), where the paper has the thing at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from realm_tf import config_parsing
from realm_tf.config_jobs import BlocksConfig as BlocksConfig
from realm_tf.config_jobs import JobsConfig as JobsConfig
