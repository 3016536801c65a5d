# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Apache Beam jobs: from documents to blocks, salient spans, vectors and an index."""
