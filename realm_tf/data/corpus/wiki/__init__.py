# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Pages of a Wikipedia: which of them are articles, and their wikitext as plain prose."""
