# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`python -m realm_tf` is the `realm` command."""

import sys

from realm_tf import cli

if __name__ == "__main__":
    sys.exit(cli.main())
