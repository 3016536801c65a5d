# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What maintains the source tree. It is no part of the packages that are installed."""
