# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The Beam jobs: from documents to blocks, salient spans, examples, vectors and an index."""

import realm_tf  # Chooses Keras 2, before a module below imports TensorFlow.
