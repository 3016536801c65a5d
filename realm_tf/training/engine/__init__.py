# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The training engine: Model Garden's trainer under Orbit, with our input and actions."""
