# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM, retrieval-augmented language model pre-training, as a production TensorFlow stack.

The whole project is on one Keras, the Keras 2 API of `tf_keras`: TFRS refuses Keras 3 and Model
Garden uses `tf_keras`. TensorFlow reads the switch when `tf.keras` is first used, so it is set
here. `beam_jobs` and `serving` import this package before anything else, and a program that has
imported TensorFlow, but used no `tf.keras` yet, may import it, too.
"""

import os
import sys

from realm_tf.version import __version__ as __version__

# The dictionaries are looked into, because asking for `tf.keras.__version__` would load Keras 3.
_keras = getattr(sys.modules.get("tensorflow"), "__dict__", {}).get("keras")
_keras_version = getattr(_keras, "__dict__", {}).get("__version__", "")

if _keras_version.startswith("3"):
    raise ImportError(
        f"realm_tf needs tf.keras to be Keras 2 (tf_keras), but it is Keras {_keras_version}: it"
        " was used before realm_tf was imported. Import realm_tf (or beam_jobs, or serving) before"
        " what uses tf.keras, or set TF_USE_LEGACY_KERAS=1 in the environment."
    )
os.environ["TF_USE_LEGACY_KERAS"] = "1"
