# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Corpora, blocks, and everything that turns them into the arrays of a training step."""
