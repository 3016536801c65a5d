# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every Beam job runs on: atomic items of work, runners, outputs, reports."""
