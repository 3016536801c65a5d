# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A server with TF Serving's interfaces, gRPC and REST, for the versions of one exported model."""
