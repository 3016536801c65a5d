# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weight initialisers for small networks that start without pre-trained weights."""
