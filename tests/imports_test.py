# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Any module may be the first that a program imports, also after TensorFlow itself.

The other tests cannot show it: tests/conftest.py imports realm_tf before all of them.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tools import source_tree

ROOT = pathlib.Path(__file__).parents[1]
# Those that import TensorFlow, or what uses its Keras, before a module of realm_tf.
HANDFUL = (
    *("beam_jobs.embed_blocks", "beam_jobs.build_index", "beam_jobs.build_blocks"),
    *("beam_jobs.make_examples", "beam_jobs.build_blocks", "serving.client"),
)


def _fresh(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a process of its own, with no Keras chosen."""
    env = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, *args],
        cwd=ROOT,
        env={**env, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def _faults(*args: str) -> str:
    done = _fresh("-m", "tests.first_imports", *args)
    assert done.returncode == 0, done.stderr
    return "\n".join(f"{m}: {text}" for m, text in json.loads(done.stdout.splitlines()[-1]).items())


def _modules() -> list[str]:
    files = source_tree.read(ROOT)
    return sorted(m for m in files if m.partition(".")[0] in source_tree.PACKAGES)


@pytest.mark.slow
def test_handful_is_imported_first():
    assert not (found := _faults(*HANDFUL)), found


def test_handful_is_imported_after_tensorflow():
    assert not (found := _faults("--preload", "tensorflow", *HANDFUL)), found


@pytest.mark.slow
def test_every_module_is_imported_after_tensorflow():
    # Harder than to be the first import of all: Keras is chosen after TensorFlow was imported. What
    # is preloaded besides uses no Keras, and saves a minute of imports for every ten modules.
    neutral = (f"--preload={name}" for name in ("tensorflow", "apache_beam", "pandas", "cv2"))
    assert not (found := _faults(*neutral, *_modules())), found


def test_fault_is_found():
    assert "No module named" in _faults("beam_jobs.nowhere")


@pytest.mark.parametrize(
    ("package", "use"),
    [
        ("realm_tf", "tf.keras.Model"),
        pytest.param("serving", "from tensorflow.keras import layers", marks=pytest.mark.slow),
    ],
)
def test_keras_3_is_refused(package, use):
    done = _fresh("-c", f"import tensorflow as tf\n{use}\nimport {package}")
    assert done.returncode == 1
    refusal = done.stderr.splitlines()[-1]
    assert refusal.startswith("ImportError: realm_tf needs tf.keras to be Keras 2")
    assert "set TF_USE_LEGACY_KERAS=1" in refusal


@pytest.mark.parametrize("value", ["0", "TRUE", "yes"])  # None of them is one to TensorFlow.
@pytest.mark.parametrize("package", ["realm_tf", "beam_jobs", "serving"])
def test_any_other_value_of_the_variable_is_replaced(package, value):
    code = f"import os, {package}\nprint(os.environ['TF_USE_LEGACY_KERAS'])"
    assert _fresh("-c", code, TF_USE_LEGACY_KERAS=value).stdout == "1\n"


def test_model_is_built_after_tensorflow():
    code = "\n".join(
        [
            "import tensorflow as tf",
            "import keras",  # Keras 3 beside it harms nothing while tf.keras is not used.
            "from realm_tf import config",
            "from realm_tf.models import embedder",
            "import tf_keras",
            "encoder = config.EncoderConfig(hidden_size=8, num_layers=1, num_heads=1)",
            "model = embedder.Embedder(config.EmbedderConfig(encoder=encoder), 50)",
            "assert isinstance(model.build_weights(), tf_keras.Model)",
            "assert tf.keras.Model is tf_keras.Model",
        ]
    )
    done = _fresh("-c", code)
    assert done.returncode == 0, done.stderr
