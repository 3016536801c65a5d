# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks: packing documents into them, their files on disk, and the table that reads those."""
