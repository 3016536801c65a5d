# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions and their answers: files, batches, and where answers stand in blocks."""
