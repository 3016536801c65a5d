# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Throughput of the exported embedder against the training layers and onnxruntime, in one run.

    python benchmarks/embed_speed.py minilm|base [--rounds 15]

Random weights of the shape of all-MiniLM-L6-v2 (mean pooling, unit length, 16 texts) or of the
paper's embedder (BERT-base, [CLS], 128-d, 4 texts), full texts of 288 wordpieces. All compute the
same vectors, which is checked first. Rounds interleave them, and what is reported is the median of
the rounds' ratios, with their quartiles: other work on the machine then hits all alike. onnxruntime
is compared if the packages onnx and onnxruntime are installed, by `bert_onnx`, in float32.
"""

from __future__ import annotations

import realm_tf  # noqa: F401  # isort: skip - chooses Keras 2, so it comes before TensorFlow

import argparse
import importlib.util
import json
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import embedder, lean_encoder

VOCAB_SIZE, LENGTH = 30_522, 288
PAUSE_SECS = 0.05  # for threads that spin for a while after their work
LAYERS = "training layers"
Embed = Callable[[], np.ndarray]


def make(shape: str) -> tuple[embedder.Tower, int]:
    """A tower of random weights, and its batch size."""
    if shape == "base":
        config, batch_size = config_lib.EmbedderConfig(), 4
    else:
        encoder = config_lib.EncoderConfig(
            hidden_size=384, num_layers=6, num_heads=12, intermediate_size=1536
        )
        config, batch_size = (
            config_lib.EmbedderConfig(
                encoder=encoder, pooling="mean", projection_size=None, normalisation="l2"
            ),
            16,
        )
    return embedder.Embedder(config, VOCAB_SIZE).build_weights().block_tower, batch_size


def tensorflow_candidates(tower: embedder.Tower, inputs: types.EncoderInputs) -> dict[str, Embed]:
    """The training layers and the lean graph, each as one compiled function."""
    tensors = [tf.constant(x) for x in inputs]
    specs = [tf.TensorSpec([None, None], tf.int32)] * 3

    def compiled(embed: Callable[[types.EncoderInputs], tf.Tensor]) -> Embed:
        function = tf.function(
            lambda *x: embed(types.EncoderInputs(*x)), input_signature=specs, autograph=False
        )
        return lambda: function(*tensors).numpy()

    return {
        LAYERS: compiled(lambda x: tower(x, training=False)),
        "lean float32": compiled(lean_encoder.LeanTower(tower)),
        "lean bfloat16": compiled(lean_encoder.LeanTower(tower, dtype="bfloat16")),
    }


def onnx_candidates(tower: embedder.Tower, inputs: types.EncoderInputs) -> dict[str, Embed]:
    """Onnxruntime, if it is installed."""
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
        print("onnxruntime: not compared, onnx and onnxruntime are not installed")
        return {}
    import onnxruntime

    from benchmarks import bert_onnx

    session = onnxruntime.InferenceSession(
        bert_onnx.build(tower).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return {
        f"onnxruntime {onnxruntime.__version__}": lambda: session.run(None, inputs._asdict())[0]
    }


def smallest_cosines(candidates: dict[str, Embed]) -> dict[str, float]:
    """Of every candidate's vectors to the training layers'. The first calls, too."""
    vectors = {name: embed() for name, embed in candidates.items()}
    unit = {name: v / np.linalg.norm(v, axis=-1, keepdims=True) for name, v in vectors.items()}
    return {name: float((v * unit[LAYERS]).sum(-1).min()) for name, v in unit.items()}


def measure(candidates: dict[str, Embed], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of every candidate, <float>[rounds], one after the other in every round."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds):
        names = list(candidates)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            time.sleep(PAUSE_SECS)
            started = time.perf_counter()
            candidates[name]()
            seconds[name].append(time.perf_counter() - started)
    return {name: np.array(values) for name, values in seconds.items()}


def main() -> None:
    """Measures, and prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=("minilm", "base"))
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    tower, batch_size = make(args.shape)
    ids = np.random.default_rng(0).integers(1000, VOCAB_SIZE, (batch_size, LENGTH), np.int32)
    inputs = types.EncoderInputs(ids, np.ones_like(ids), np.zeros_like(ids))
    candidates = tensorflow_candidates(tower, inputs) | onnx_candidates(tower, inputs)
    cosines = smallest_cosines(candidates)
    seconds = measure(candidates, args.rounds)
    figures = {}
    for name, cosine in cosines.items():
        low, median, high = np.percentile(seconds[LAYERS] / seconds[name], (25, 50, 75))
        figures[name] = {"speed": round(median, 2), "cosine": round(cosine, 6)}
        print(f"{name:20} {median:5.2f} ({low:.2f} to {high:.2f})  cosine {cosine:.6f}")
    print(json.dumps({"shape": args.shape, "rounds": args.rounds, **figures}))


if __name__ == "__main__":
    main()
