# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Text processing: vocabularies, wordpieces, packing, sentences, names, dates and answers."""
