# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weights of other implementations: reading them strictly, and writing them back."""
