# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Clients of a model behind TF Serving's interfaces, be it `realm serve` or TF Serving."""
