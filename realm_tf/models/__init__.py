# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Networks and losses. None of them knows an index: retrieved blocks arrive as tensors."""
