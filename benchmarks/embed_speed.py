# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Throughput of the exported embedder against the training layers and onnxruntime, in one run.

    python -m benchmarks.embed_speed minilm|base [--rounds 15] [--threads 1]

Random weights of the shape of all-MiniLM-L6-v2 (mean pooling, unit length, 16 texts) or of the
paper's embedder (BERT-base, [CLS], 128-d, 4 texts), full texts of 288 wordpieces. All compute the
same vectors, which is checked first. Rounds interleave them, and what is reported is the median of
the rounds' ratios, with their quartiles: other work on the machine then hits all alike. Ratios of
CPU seconds are printed beside those of wall-clock seconds: on a busy machine, and with one thread,
they are the steadier ones. onnxruntime is compared if the packages onnx and onnxruntime are
installed, by `bert_onnx`, in float32.
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
from realm_tf.models import embedder
from realm_tf.models.inference import lean_encoder

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


def onnx_candidates(
    tower: embedder.Tower, inputs: types.EncoderInputs, threads: int
) -> dict[str, Embed]:
    """Onnxruntime, if it is installed."""
    if not all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime")):
        print("onnxruntime: not compared, onnx and onnxruntime are not installed")
        return {}
    import onnxruntime

    from benchmarks import bert_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        bert_onnx.build(tower).SerializeToString(), options, providers=["CPUExecutionProvider"]
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
    """Seconds of every candidate, one after the other in every round.

    Args:
      candidates: By name.
      rounds: How many.

    Returns:
      <float>[rounds, 2] wall-clock and CPU seconds each.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    for number in range(rounds):
        names = list(candidates)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            time.sleep(PAUSE_SECS)
            started = time.perf_counter(), time.process_time()
            candidates[name]()
            ended = time.perf_counter(), time.process_time()
            seconds[name].append((ended[0] - started[0], ended[1] - started[1]))
    return {name: np.array(values) for name, values in seconds.items()}


def report(seconds: dict[str, np.ndarray], cosines: dict[str, float]) -> dict[str, dict]:
    """Prints speeds relative to the training layers, and returns them."""
    figures = {}
    for name, cosine in cosines.items():
        ratios = seconds[LAYERS] / seconds[name]
        low, median, high = np.percentile(ratios, (25, 50, 75), axis=0)
        wall, cpu = (f"{median[i]:5.2f} ({low[i]:.2f} to {high[i]:.2f})" for i in range(2))
        print(f"{name:20} wall {wall}  CPU {cpu}  cosine {cosine:.6f}")
        figures[name] = {"wall": round(median[0], 2), "cpu": round(median[1], 2)}
    return figures


def main() -> None:
    """Measures, and prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=("minilm", "base"))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tower, batch_size = make(args.shape)
    ids = np.random.default_rng(0).integers(1000, VOCAB_SIZE, (batch_size, LENGTH), np.int32)
    inputs = types.EncoderInputs(ids, np.ones_like(ids), np.zeros_like(ids))
    candidates = tensorflow_candidates(tower, inputs)
    candidates |= onnx_candidates(tower, inputs, args.threads)
    cosines = smallest_cosines(candidates)
    figures = report(measure(candidates, args.rounds), cosines)
    print(json.dumps({**vars(args), **figures}))


if __name__ == "__main__":
    main()
