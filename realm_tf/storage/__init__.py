# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files: on this machine by the standard library, elsewhere by TensorFlow."""
