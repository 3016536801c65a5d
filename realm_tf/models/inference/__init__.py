# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lean inference graphs of trained networks, and the SavedModels that are exported of them."""
