# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training: one Model Garden task per experiment, one trainer, and refresh."""
