# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The jobs as programs of their own, and their functions in workers that know nothing of them.

tests/conftest.py imports realm_tf before TensorFlow, so each of these is in a fresh process.
"""

import base64
import os
import pathlib
import subprocess
import sys

import pytest
from apache_beam.internal import pickler

from beam_jobs import make_examples
from beam_jobs.engine import job_folder, outputs
from realm_tf import artifacts
from realm_tf.data.blocks import schema
from tests.beam_jobs import corpus, documents, reference_corpora
from tests.retrieval import segments

ROOT = pathlib.Path(__file__).parents[2]
JOBS = (
    "build_blocks",
    "build_index",
    "embed_blocks",
    "find_answers",
    "make_examples",
    "rank_words",
    "tag_spans",
)
# What a worker does: it unpickles a function, and gives it an element.
_WORKER = """
import base64, sys
{first}
from apache_beam.internal import pickler
fn = pickler.loads(base64.b64decode(sys.argv[1]))
fn.setup()
print(list(fn.process((0, tuple(sys.argv[2:])))))
"""


def _fresh(*args: object) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=ROOT,
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def _run(job: str, root: pathlib.Path, kind: str, **options: object) -> str:
    """Runs a job alone; returns the path of the segment of this kind that it made."""
    flags = [f"--{name}={value}" for name, value in options.items()]
    there = set(root.glob(f"{kind}-*/segment.json"))
    _fresh("-m", f"beam_jobs.{job}", *flags, f"--output_root={root}")
    (made,) = set(root.glob(f"{kind}-*/segment.json")) - there
    return artifacts.open_segment(str(made.parent), kind).path


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_help(job):
    assert "--output_root" in _fresh("-m", f"beam_jobs.{job}", "--help").stdout


@pytest.mark.slow
def test_every_job_runs_alone(tmp_path):
    vocab = documents.write_vocab(tmp_path)
    reference = reference_corpora.write_orqa(tmp_path / "orqa")
    _run("build_blocks", tmp_path, schema.BLOCKS, corpus=reference, format="orqa", vocab=vocab)
    source = documents.write(tmp_path / "corpus.jsonl", documents.records(8))
    options = {"corpus": source, "vocab": vocab, "set": "blocks.length=32"}
    blocks = _run("build_blocks", tmp_path, schema.BLOCKS, **options)
    parts = {"blocks": blocks, "vocab": vocab}
    spans = _run("tag_spans", tmp_path, schema.SPANS, **parts)
    _run("make_examples", tmp_path, "examples", **parts, spans=spans, task="masked")
    tokenizer = artifacts.open_segment(blocks).made_from["tokenizer"]
    embedder = segments.write_embedder(tmp_path, tokenizer=tokenizer, vocab_size=200).path
    vectors = _run(
        "embed_blocks", tmp_path, "vectors", **parts, embedder=embedder, set="blocks.length=32"
    )
    asked = tmp_path / "questions.jsonl"
    asked.write_text('{"question": "Which word?", "answers": ["the"]}\n')
    _run("find_answers", tmp_path, "answer_rows", blocks=blocks, questions=str(asked))
    _run("rank_words", tmp_path, "word_ranks", blocks=blocks, questions=str(asked), depth=3)
    _run("build_index", tmp_path, "index", vectors=vectors)


@pytest.mark.parametrize(
    "first",
    ["", pytest.param("import tensorflow", marks=pytest.mark.slow)],
    ids=["worker", "worker with TensorFlow"],
)
def test_function_is_unpickled_in_a_fresh_process(tmp_path, first):
    vocab, tokenizer = corpus.write_vocab(tmp_path)
    blocks = corpus.write_blocks(tmp_path, tokenizer.fingerprint, count=3, num_shards=1)
    (shard,) = blocks.files(f"{schema.BLOCKS}-")
    folder = job_folder.open_folder(str(tmp_path / "a.job"), {}, resume=True)
    output = outputs.Output(str(tmp_path), "examples", 1, suffix="tfrecord")
    fn = make_examples.MakeFn(
        folder, output, make_examples.Params(blocks.path, vocab.path, str(tmp_path), "ict")
    )
    os.makedirs(folder.file(fn.step), exist_ok=True)
    pickled = base64.b64encode(pickler.dumps(fn)).decode()
    done = _fresh("-c", _WORKER.format(first=first), pickled, shard)
    assert done.stdout == "[0]\n"
    assert os.path.exists(output.shard(0))
