# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Traces of documents: whether a file still holds something of a text that was deleted."""
