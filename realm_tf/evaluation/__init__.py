# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measuring: metrics, predictions on disk, and the report of a run."""
