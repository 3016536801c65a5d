# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Formats of the original code (google-research/language), and blocks made from its records."""
