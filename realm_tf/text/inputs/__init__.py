# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads text that others wrote: corpora, questions, labelled sentences, vocabularies, rules."""
