# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the experiments of one run share: data, weights, snapshots."""
