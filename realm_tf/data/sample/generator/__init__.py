# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The generator of the bundled sample: facts, wordings, articles and questions."""
