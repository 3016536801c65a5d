# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finding blocks: vectors, indexes over them, and the snapshots that bind them together."""
