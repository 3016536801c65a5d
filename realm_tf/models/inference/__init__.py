# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lean graphs of trained networks for inference, and their export as SavedModels."""
