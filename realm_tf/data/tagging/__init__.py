# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labelled sentences for the span tagger: CoNLL files, BIO tags, batches, predictions."""
