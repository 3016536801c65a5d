# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Corpora: the formats of documents, their readers, and documents sorted on disk."""
