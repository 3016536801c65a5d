# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Serving: exports a trained QA system for TF Serving, and asks an export questions."""

import realm_tf  # Chooses Keras 2, before a module below imports TensorFlow.
