# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How small networks start where there are no pre-trained weights."""
