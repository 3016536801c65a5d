# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Readers of corpus files, one module for each format; `corpus.formats` calls them."""
