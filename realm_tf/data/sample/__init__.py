# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The bundled sample: a small encyclopedia with questions, and the tables that it is made from."""
