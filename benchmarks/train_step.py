# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""CPU seconds of a training step against those of its bare encoders, in one run.

    python -m benchmarks.train_step minilm|quickstart [--rounds 9] [--threads 1] [--bfloat16]
        [--only ict] [--port OTHER_PYTHON]

Random weights and random texts in two shapes: encoders as all-MiniLM-L6-v2 (6 layers, 384 wide,
30,522 wordpieces) and those of configs/quickstart.yaml. Lengths are spread as in a corpus: at the
shape of MiniLM blocks are nearly full, at that of the quickstart half full. Three steps are
measured, ICT, joint training and open QA, each in three ways, one after the other in every round:

- now: the step as it is trained;
- padded: all arrays as long as they may be, every candidate encoded by itself, Keras's AdamW;
- encoders: forward and backward of the encoders alone, over the arrays of "now";
- port: with `--port`, the PyTorch port of REALM by another Python (`port_step`), in float32, over
  the arrays of "padded".

What is reported is the median, and the quartiles, of the rounds' CPU seconds and of their ratios to
"encoders", and the share of the wordpieces that is not padding.
"""

from __future__ import annotations

import realm_tf  # noqa: F401  # isort: skip - chooses Keras 2, so it comes before TensorFlow

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras
from official.modeling import optimization

from benchmarks import step_batches
from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import embedder, open_qa_model, realm
from realm_tf.models import encoder as encoder_lib
from realm_tf.training.engine import batch_stream, optimizers, strategies, task, traced, trainer
from realm_tf.training.experiments import ict, open_qa, pretrain

PAUSE_SECS = 0.05  # for threads that spin for a while after their work
BATCHES = 2  # different ones, in turn
NOW, PADDED, ENCODERS, PORT = "now", "padded", "encoders", "port"
_PORT_SCRIPT = os.path.join(os.path.dirname(__file__), "port_step.py")
Batch = Any
Timed = Callable[[], tuple[float, float]]  # wall-clock and CPU seconds of a step on every batch


def _open_qa_task(config: config_lib.Config, **options: Any) -> open_qa.OpenQaTask:
    """The task with a search that has found already: `prepare` embeds, as in training."""
    return open_qa.OpenQaTask(
        task.task_config(),
        open_qa_config=config.open_qa,
        max_span_width=config.model.reader.max_span_width,
        search=lambda vectors, k: types.RetrievedBlocks(
            np.zeros((len(vectors), k), np.int64), None
        ),
        gather=lambda rows: np.zeros((*rows.shape, 1)),
        read_inputs=lambda batch, retrieved, block_emb: batch,
        **options,
    )


class Experiment(NamedTuple):
    """How the model, the task and the batches of an experiment are made."""

    model: Callable[[config_lib.Config, int], Any]
    task: Callable[..., task.RealmTask]
    batch: Callable[[step_batches.Texts, config_lib.Config, step_batches.Shape], Batch]


EXPERIMENTS = {
    "ict": Experiment(
        lambda config, size: embedder.Embedder(config.model.embedder, size),
        lambda config, **options: ict.IctTask(task.task_config(), **options),
        step_batches.ict_batch,
    ),
    "pretrain": Experiment(
        lambda config, size: realm.RealmModel(config.model, size),
        lambda config, **options: pretrain.PretrainTask(
            task.task_config(), objective=config.pretrain.objective, **options
        ),
        step_batches.masked_batch,
    ),
    "open_qa": Experiment(
        lambda config, size: open_qa_model.OpenQaModel(config.model, size),
        _open_qa_task,
        step_batches.read_batch,
    ),
}


def _padded(made: task.RealmTask) -> task.RealmTask:
    """The task with its batches as they come, but for what the device never reads."""
    made.device_part = lambda batch: batch
    return made


def _keras_adamw(config: config_lib.OptimizerConfig) -> Any:
    factory = optimization.OptimizerFactory(optimizers.optimization_config(config, 1000))
    made = factory.build_optimizer(factory.build_learning_rate(), use_legacy_optimizer=False)
    made.exclude_from_weight_decay(var_names=["layer_norm", "LayerNorm", "bias", "beta"])
    return made


def _trainer(model: Any, made: task.RealmTask, batches: list[Batch], adamw: Any) -> Any:
    config = config_lib.OptimizerConfig(learning_rate=1e-5)
    return trainer.Trainer(
        config=task.experiment_config(optimizers.optimization_config(config, 1000), train_steps=1),
        task=made,
        model=model,
        optimizer=adamw(config),
        train_stream=batch_stream.BatchStream(lambda index: batches[index % len(batches)]),
    )


def encoder_inputs(batch: Batch) -> list[types.EncoderInputs]:
    """Everything that an encoder reads of a batch, flattened to two dimensions."""
    if isinstance(batch, types.EncoderInputs):
        return [encoder_lib.flatten(batch)]
    parts = batch if isinstance(batch, tuple) else ()
    return [inputs for part in parts for inputs in encoder_inputs(part)]


def filled(batch: Batch) -> float:
    """Share of the wordpieces of a batch that is not padding."""
    masks = [inputs.mask for inputs in encoder_inputs(batch)]
    return float(sum(m.numpy().sum() for m in masks) / sum(m.numpy().size for m in masks))


def bare_encoders(model: Any, batch: Batch) -> list[tf.Tensor]:
    """Forward and backward of the encoders of a model over what they read of a batch.

    Returns:
      Sums of the gradients, without which TensorFlow would not compute them.
    """
    total = tf.constant(0.0)
    with tf.GradientTape() as tape:
        for name, part in batch._asdict().items():
            for inputs in encoder_inputs(part):
                is_joint = name == "joint"
                network = model.reader if is_joint else _tower(model)
                sequence, pooled = network.encoder(inputs, training=True)
                total += tf.reduce_sum(sequence if is_joint else pooled)
    variables = [v for encoder in _encoders(model) for v in encoder.trainable_variables]
    gradients = tape.gradient(total, variables)
    return [tf.reduce_sum(tf.convert_to_tensor(g)) for g in gradients if g is not None]


def _tower(model: Any) -> embedder.Tower:
    if hasattr(model, "query_tower"):
        return model.query_tower
    return model.embedder.query_tower


def _encoders(model: Any) -> list[encoder_lib.Encoder]:
    return [_tower(model).encoder, *([model.reader.encoder] if hasattr(model, "reader") else [])]


def tensorflow_steps(
    name: str, config: config_lib.Config, vocab_size: int, batches: list[Batch]
) -> tuple[dict[str, Timed], dict[str, float]]:
    """What is measured in this process; and the shares of wordpieces that are not padding."""
    made = EXPERIMENTS[name]
    model = made.model(config, vocab_size).build_weights()
    now = _trainer(
        model,
        made.task(config, static_shapes=False),
        batches,
        lambda optimizer: optimizers.make_optimizer(optimizer, 1000),
    )
    padded = _trainer(model, _padded(made.task(config, static_shapes=True)), batches, _keras_adamw)
    trimmed = [_tensors(now.task.device_part(batch)) for batch in batches]
    bare = traced.Traced(lambda batch: bare_encoders(model, batch), static_shapes=False)
    turn = itertools.cycle(trimmed)
    steps = {
        NOW: _timed(_stepper(now)),
        PADDED: _timed(_stepper(padded)),
        ENCODERS: _timed(lambda: bare(next(turn))),
    }
    shares = {
        NOW: np.mean([filled(batch) for batch in trimmed]),
        PADDED: np.mean([filled(_tensors(batch)) for batch in batches]),
    }
    return steps, {way: round(float(share), 2) for way, share in shares.items()}


def _tensors(batch: Batch) -> Batch:
    return tf.nest.map_structure(tf.constant, batch)


def _stepper(made: trainer.Trainer) -> Callable[[], None]:
    iterator = iter(made.train_dataset)
    return lambda: made.train_step(iterator)


def _timed(step: Callable[[], Any]) -> Timed:
    def timed() -> tuple[float, float]:
        started = time.perf_counter(), time.process_time()
        for _ in range(BATCHES):
            step()
        return time.perf_counter() - started[0], time.process_time() - started[1]

    return timed


@contextlib.contextmanager
def port_steps(
    python: str, name: str, config: config_lib.Config, sizes: dict[str, int], batches: list[Batch]
) -> Iterator[Timed]:
    """Starts `port_step` on the same batches, and ends it."""
    encoder = config.model.reader.encoder
    sizes |= {
        "hidden_size": encoder.hidden_size,
        "num_hidden_layers": encoder.num_layers,
        "num_attention_heads": encoder.num_heads,
        "intermediate_size": encoder.intermediate_size,
        "num_candidates": config.pretrain.num_candidates,
        "reader_beam_size": config.open_qa.num_read,
        "searcher_beam_size": config.open_qa.num_searched,
    }
    arrays = {
        f"{name}/{number}/{key}": array
        for number, batch in enumerate(batches)
        for key, array in _named(batch).items()
    }
    with tempfile.TemporaryDirectory() as directory:
        files = [os.path.join(directory, file) for file in ("batches.npz", "sizes.json")]
        np.savez(files[0], **arrays)
        with open(files[1], "w", encoding="utf-8") as f:
            json.dump(sizes, f)
        process = subprocess.Popen(
            [python, _PORT_SCRIPT, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with process as port:

            def timed() -> tuple[float, float]:
                print(name, file=port.stdin, flush=True)
                return tuple(json.loads(port.stdout.readline())["seconds"])

            yield timed


def _named(batch: Batch, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of nested NamedTuples, by path."""
    named: dict[str, np.ndarray] = {}
    for name, part in batch._asdict().items():
        if isinstance(part, tuple):
            named |= _named(part, f"{prefix}{name}/")
        else:
            named[f"{prefix}{name}"] = part
    return named


def measure(steps: dict[str, Timed], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of a step, one way after the other in every round.

    Args:
      steps: By name; each makes a step on every batch.
      rounds: How many, behind a first one that is not counted.

    Returns:
      <float>[rounds, 2] wall-clock and CPU seconds of one step each.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        names = list(steps)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            time.sleep(PAUSE_SECS)
            seconds[name].append(steps[name]())
    return {name: np.array(values)[1:] / BATCHES for name, values in seconds.items()}


def report(
    name: str, seconds: dict[str, np.ndarray], shares: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Prints the figures of one experiment, and returns them."""
    figures = {}
    for way, values in seconds.items():
        wall, cpu = np.median(values, axis=0)
        low, ratio, high = np.percentile(values[:, 1] / seconds[ENCODERS][:, 1], (25, 50, 75))
        share = f", {shares[way]:.2f} filled" if way in shares else ""
        print(
            f"{name:9} {way:9} CPU {cpu:7.4f} s, {1 / wall:6.2f} steps/s,"
            f" {ratio:.2f} ({low:.2f} to {high:.2f}) of the encoders{share}"
        )
        figures[way] = {
            "cpu_secs": round(float(cpu), 4),
            "steps_per_sec": round(float(1 / wall), 2),
            "to_encoders": round(float(ratio), 2),
            **({"filled": shares[way]} if way in shares else {}),
        }
    return figures


def main() -> None:
    """Measures, and prints a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=step_batches.SHAPES)
    parser.add_argument("--only", choices=EXPERIMENTS, nargs="+", default=list(EXPERIMENTS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--bfloat16", action="store_true", help="mixed precision")
    parser.add_argument("--port", help="a Python that has torch and transformers 4.40.2")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    shape = step_batches.SHAPES[args.shape]
    config = config_lib.from_dict(config_lib.Config, shape.settings)
    sizes = {"vocab_size": shape.vocab_size, "threads": args.threads or os.cpu_count() or 1}
    tf_keras.utils.set_random_seed(0)
    figures = {}
    for name in args.only:
        made = EXPERIMENTS[name]
        texts = step_batches.Texts(shape, config, seed=0)
        batches = [made.batch(texts, config, shape) for _ in range(BATCHES)]
        with contextlib.ExitStack() as stack:
            runtime = config_lib.RuntimeConfig(mixed_bfloat16=args.bfloat16)
            stack.enter_context(strategies.scope(runtime))
            steps, shares = tensorflow_steps(name, config, shape.vocab_size, batches)
            if args.port:
                port = port_steps(args.port, name, config, sizes, batches)
                steps[PORT] = stack.enter_context(port)
            figures[name] = report(name, measure(steps, args.rounds), shares)
    print(json.dumps({**vars(args), **figures}))


if __name__ == "__main__":
    main()
