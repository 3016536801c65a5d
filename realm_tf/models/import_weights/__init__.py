# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports weights of other implementations (TensorFlow 1, Model Garden, PyTorch), and exports."""
