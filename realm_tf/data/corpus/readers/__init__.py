# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Readers of corpora, one file a format; `corpus.formats` is the way in."""
