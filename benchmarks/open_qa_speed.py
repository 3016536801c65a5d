# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions a second in fine-tuning, with thousands of searched blocks, and where the time goes.

    python -m benchmarks.open_qa_speed BLOCKS VOCAB QUESTIONS [--searched 5000] [--read 5]
        [--rounds 5] [--threads 1] [--layers 2 --hidden 128] [--port OTHER_PYTHON]

Everything that a step does is timed, from the questions of a batch to the updated weights: they are
embedded with the current weights, exact search finds `--searched` blocks a question, the retriever
is trained on all of these and the reader on the first `--read`. Weights and vectors are random, the
texts are those of BLOCKS. With `--port`, the same questions are trained on by the PyTorch port of
REALM (`port_open_qa`, which another Python runs), in turn with ours in every round.
"""

from __future__ import annotations

import realm_tf  # noqa: F401  # isort: skip - chooses Keras 2, so it comes before TensorFlow

import argparse
import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from beam_jobs import find_answers
from benchmarks import step_batches, swap_memory
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows, question_batches
from realm_tf.data.questions import questions as questions_lib
from realm_tf.models import open_qa_model
from realm_tf.retrieval import index, vectors
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from realm_tf.training.engine import batch_stream, optimizers, task, trainer
from realm_tf.training.experiments import open_qa

_PORT_SCRIPT = os.path.join(os.path.dirname(__file__), "port_open_qa.py")
Seconds = dict[str, float]  # processor seconds of a step by part, and "wall"


def configuration(args: argparse.Namespace) -> config_lib.Config:
    """Small networks without dropout, and the numbers of blocks that are asked for."""
    encoder = {
        "hidden_size": args.hidden,
        "num_layers": args.layers,
        "num_heads": args.hidden // 32,
    }
    settings = {
        "model": step_batches.networks(**encoder, intermediate_size=4 * args.hidden),
        "open_qa": {
            "batch_size": args.batch,
            "query_length": 32,
            "reader_length": 224,
            "num_searched": args.searched,
            "num_read": args.read,
        },
    }
    return config_lib.from_dict(config_lib.Config, settings)


class Clock:
    """Processor seconds of the parts of a step; parts do not overlap."""

    def __init__(self) -> None:
        self.seconds: Seconds = {}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, whose time is added to the part of this name."""

        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            result = function(*args, **kwargs)
            self.seconds[name] = self.seconds.get(name, 0) + time.process_time() - start
            return result

        return call

    def step(self, step: Callable[[], None]) -> Seconds:
        """Makes a step: the seconds of its parts, what is left ("network"), and all of it."""
        self.seconds = {}
        start = time.perf_counter(), time.process_time()
        step()
        taken = time.process_time() - start[1]
        rest = taken - sum(self.seconds.values())
        return {**self.seconds, "network": rest, "wall": time.perf_counter() - start[0]}


class Data:
    """Blocks, questions, and which of the blocks hold their answers, with random vectors."""

    def __init__(self, args: argparse.Namespace, config: config_lib.Config, root: str):
        blocks = artifacts.open_segment(args.blocks, schema.BLOCKS)
        vocab = artifacts.open_segment(args.vocab, vocabulary.KIND)
        self.vocab_file = os.path.join(vocab.path, vocabulary.FILE)
        self.table = block_table.BlockTable.open(blocks)
        self.tokenizer = tokenizer_lib.Tokenizer.open(vocab)
        self.questions = questions_lib.read(args.questions)
        self.found = answer_rows.AnswerRows.open(
            find_answers.find_answers(find_answers.Params(args.blocks, args.questions, root)),
            blocks,
            self.questions,
        )
        self.vectors = vectors.VectorTable.open(swap_memory.write_vectors(blocks, root, 0))
        self.batches = question_batches.QuestionBatches(
            self.questions, self.tokenizer, config.open_qa, seed=0
        )

    def asked(self, step: int) -> list[questions_lib.Question]:
        """The questions of a step."""
        places = self.batches.make_batch(step).question_index.tolist()
        return [self.questions[place] for place in places]


def our_steps(config: config_lib.Config, data: Data) -> Callable[[int], Seconds]:
    """Makes the next step of training, as `training.experiments.open_qa` does."""
    clock = Clock()
    width = config.model.reader.max_span_width
    read = clock.timed("answers, reader's inputs", question_batches.read_inputs)

    def read_inputs(
        batch: question_batches.QuestionBatch, found: types.RetrievedBlocks, block_emb: np.ndarray
    ) -> question_batches.ReadBatch:
        settings = (config.open_qa, data.questions, data.found)
        tables = (data.table, data.tokenizer)
        return read(*tables, *settings, batch, found, block_emb, max_span_width=width)

    made = open_qa.OpenQaTask(
        task.task_config(),
        open_qa_config=config.open_qa,
        max_span_width=width,
        search=clock.timed("search", index.exact(data.vectors).search),
        gather=clock.timed("search", data.vectors.gather),
        read_inputs=read_inputs,
        static_shapes=False,
    )
    steps, optimizer = 10_000, config_lib.OptimizerConfig(learning_rate=1e-5)  # of the schedule
    training = trainer.Trainer(
        config=task.experiment_config(
            optimizers.optimization_config(optimizer, steps), train_steps=1
        ),
        task=made,
        model=open_qa_model.OpenQaModel(config.model, data.tokenizer.vocab_size).build_weights(),
        optimizer=optimizers.make_optimizer(optimizer, steps),
        train_stream=batch_stream.BatchStream(data.batches.make_batch),
    )
    batches = iter(training.train_dataset)
    return lambda _: clock.step(lambda: training.train_step(batches))


@contextlib.contextmanager
def port_steps(
    python: str, config: config_lib.Config, data: Data, root: str, threads: int
) -> Iterator[Callable[[int], Seconds]]:
    """Starts `port_open_qa` on the same texts and vectors; it makes a step on what is asked."""
    encoder = config.model.reader.encoder
    sizes = {
        "vocab_size": data.tokenizer.vocab_size,
        "hidden_size": encoder.hidden_size,
        "num_hidden_layers": encoder.num_layers,
        "num_attention_heads": encoder.num_heads,
        "intermediate_size": encoder.intermediate_size,
        "num_block_records": len(data.table),
        "reader_beam_size": config.open_qa.num_read,
        "searcher_beam_size": config.open_qa.num_searched,
        "reader_seq_len": config.open_qa.reader_length,
    }
    texts = [data.table.block(row).text for row in range(len(data.table))]
    with open(os.path.join(root, "port.json"), "w", encoding="utf-8") as f:
        json.dump({"vocab": data.vocab_file, "sizes": sizes, "texts": texts}, f)
    np.save(os.path.join(root, "port.npy"), data.vectors.gather(np.arange(len(data.table))))
    process = subprocess.Popen(
        [python, _PORT_SCRIPT, root, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process as port:

        def step(number: int) -> Seconds:
            asked = [[q.question, list(q.answers)] for q in data.asked(number)]
            print(json.dumps(asked), file=port.stdin, flush=True)
            return json.loads(port.stdout.readline())

        yield step


def measure(
    ways: dict[str, Callable[[int], Seconds]], rounds: int, batch: int
) -> dict[str, dict[str, float]]:
    """Median figures of every way, one way after the other in every round.

    Args:
      ways: Number of a step to its seconds, by name.
      rounds: How many are counted, behind a first one that is not.
      batch: Questions of a step.

    Returns:
      Processor milliseconds a question by part, and in all, and questions a second.
    """
    taken: dict[str, list[Seconds]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, step in ways.items():
            taken[way].append(step(number))
    figures = {}
    for way, of_rounds in taken.items():
        parts = {
            name: float(np.median([seconds[name] for seconds in of_rounds[1:]]))
            for name in of_rounds[-1]
        }
        wall = parts.pop("wall")
        figures[way] = {
            **{f"{name}, CPU ms": round(1e3 * value / batch, 2) for name, value in parts.items()},
            "CPU ms a question": round(1e3 * sum(parts.values()) / batch, 2),
            "questions a second": round(batch / wall, 2),
        }
    return figures


def main() -> None:
    """Measures, and prints the figures, the last line as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blocks", help="path of the segment of blocks")
    parser.add_argument("vocab", help="path of the segment of their vocabulary")
    parser.add_argument("questions", help="file of questions whose answers are texts")
    parser.add_argument("--searched", type=int, default=5000, help="blocks a question")
    parser.add_argument("--read", type=int, default=5, help="blocks a question for the reader")
    parser.add_argument("--batch", type=int, default=8, help="questions of a step")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are cores")
    parser.add_argument("--port", help="a Python that has torch and transformers 4.40.2")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(args.threads)
    tf_keras.utils.set_random_seed(0)
    config = configuration(args)
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(tempfile.TemporaryDirectory(prefix="open-qa-speed-"))
        data = Data(args, config, root)
        ways = {"ours": our_steps(config, data)}
        if args.port:
            threads = args.threads or os.cpu_count() or 1
            port = port_steps(args.port, config, data, root, threads)
            ways["port"] = stack.enter_context(port)
        figures = measure(ways, args.rounds, args.batch)
    for way, of_way in figures.items():
        print(way, *(f"{name}: {value}" for name, value in of_way.items()), sep="\n  ")
    print(json.dumps({**vars(args), **figures}))


if __name__ == "__main__":
    main()
