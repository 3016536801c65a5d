# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm documents`: adding, updating and deleting the documents of a snapshot."""
