# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`python -m realm_tf` is the `realm` command."""

import sys

from realm_tf.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
