# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM, retrieval-augmented language model pre-training, as a production TensorFlow stack.

The whole project is on one Keras, the Keras 2 API of `tf_keras`: TFRS refuses Keras 3 and Model
Garden uses `tf_keras`. TensorFlow reads the switch when `tf.keras` is first touched, so it is set
here, before anything imports TensorFlow.
"""

import os
import sys

from realm_tf.version import __version__ as __version__

_LEGACY = ("1", "true")

if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() not in _LEGACY:
    _keras = getattr(sys.modules.get("tensorflow"), "keras", None)
    _keras_version = getattr(_keras, "__version__", "2")  # Keras 2 inside tf.keras states none
    if _keras_version.startswith("3"):
        raise ImportError(
            "realm_tf needs tf.keras to be Keras 2 (tf_keras), but TensorFlow was imported before"
            " realm_tf and has already chosen Keras"
            f" {_keras_version}. Import realm_tf first, or set"
            " TF_USE_LEGACY_KERAS=1 in the environment."
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
