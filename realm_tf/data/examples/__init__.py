# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Examples of pre-training: masked spans and the inverse cloze, as batches and as records."""
