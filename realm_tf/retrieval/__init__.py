# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Retrieval of blocks: vectors, indexes over them, and snapshots that bind these together."""
