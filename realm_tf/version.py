# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The version of the package, the one place where it is written."""

__version__ = "0.1.0"
