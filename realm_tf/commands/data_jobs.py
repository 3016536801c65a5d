# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The data stages, called: from typed arguments to the jobs' command lines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import NamedTuple

from beam_jobs import build_blocks, build_index, embed_blocks, import_corpus, tag_spans
from beam_jobs import make_examples as make_examples_job
from beam_jobs.engine import previews
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.examples import example_records
from realm_tf.text import vocabulary

_EMBED_BATCH_SIZE = 64


class Passages(NamedTuple):
    """Blocks, and the salient spans that mark them.

    Attributes:
      blocks: Segment "blocks".
      spans: Segment "spans"; None where the blocks are not marked yet.
    """

    blocks: artifacts.Segment
    spans: artifacts.Segment | None


def _beam(beam_args: Sequence[str]) -> list[str]:
    return ["--", *beam_args] if beam_args else []


def _resume(resume: bool) -> str:
    return "--resume" if resume else "--no-resume"


def preview(blocks: str, count: int, make: previews.Make, spans: str | None = None) -> str:
    """The report of a job over the first blocks of a segment; nothing is written."""
    return previews.report(blocks, count, make, spans)


def make_vocab(
    config: config_lib.Config, pattern: str, root: str, fmt: str = corpus_formats.JSONL
) -> artifacts.Segment:
    """The vocabulary that is configured, or one learned from the corpus."""
    vocab = config.vocab
    if vocab.file is not None:
        wordpieces = vocabulary.read(vocab.file)
        return vocabulary.write_segment(root, wordpieces, lower_case=vocab.lower_case)
    corpus_formats.check(pattern, fmt)
    texts = corpus_formats.texts(
        pattern, fmt, config.corpus, pass_over_bad=config.jobs.max_bad_fraction > 0
    )
    return vocabulary.learn_segment(
        root,
        texts,
        size=vocab.size,
        lower_case=vocab.lower_case,
        made_from={"corpus": corpus_formats.fingerprint(pattern, fmt, config.corpus)},
    )


def make_blocks(
    config: config_lib.Config,
    pattern: str,
    vocab: str,
    root: str,
    beam_args: Sequence[str],
    fmt: str = corpus_formats.JSONL,
    *,
    resume: bool = True,
) -> Passages:
    """Runs the job that cuts a corpus into blocks, or takes over ready blocks.

    Args:
      config: Sections `blocks`, `corpus` and `jobs`.
      pattern: Pattern of the corpus's files.
      vocab: Path of the "vocab" segment.
      root: Directory of segments.
      beam_args: Pipeline options.
      fmt: Format of the corpus.
      resume: Whether to go on with what a killed job left; ready ones are always read anew.

    Returns:
      The blocks, with their spans where the format brings them.
    """
    corpus_formats.check(pattern, fmt)
    argv = [*_blocks_argv(config, pattern, vocab, fmt), "--output_root", root]
    argv += ["--num_shards", str(config.blocks.num_shards)]
    if fmt not in corpus_formats.DOCUMENT_FORMATS:
        if config.jobs.max_bad_fraction or not resume:
            raise types.UserError(
                f"{fmt} holds ready blocks: all its records are needed, and all are read at once."
                " Leave max_bad_fraction and --no-resume out."
            )
        return Passages(*import_corpus.run(argv + _beam(beam_args)))
    for field in dataclasses.fields(config.jobs):
        argv += [f"--{field.name}", str(getattr(config.jobs, field.name))]
    argv += _documents_argv(config)
    argv += [_resume(resume)]
    return Passages(build_blocks.run(argv + _beam(beam_args)), None)


def preview_blocks(
    config: config_lib.Config, pattern: str, vocab: str, fmt: str, num_records: int
) -> str:
    """The report of the first records of a corpus of documents; nothing is written."""
    corpus_formats.check(pattern, fmt, corpus_formats.DOCUMENT_FORMATS)
    argv = _blocks_argv(config, pattern, vocab, fmt) + _documents_argv(config)
    return build_blocks.preview([*argv, "--dry_run", str(num_records), "--output_root", ""])


def _blocks_argv(config: config_lib.Config, pattern: str, vocab: str, fmt: str) -> list[str]:
    argv = ["--input", pattern, "--format", fmt, "--vocab", vocab]
    argv += ["--length", str(config.blocks.length), "--template", config.blocks.template]
    return [*argv, "--language", config.blocks.language]


def _documents_argv(config: config_lib.Config) -> list[str]:
    reading = json.dumps(config_lib.to_dict(config.corpus))
    overlap = str(config.blocks.overlap_sentences)
    return ["--reading", reading, "--overlap_sentences", overlap]


def make_spans(
    config: config_lib.Config,
    blocks: str,
    vocab: str,
    root: str,
    beam_args: Sequence[str],
    *,
    resume: bool = True,
) -> artifacts.Segment:
    """Runs the job that marks salient spans in blocks, as sections `tagging` and `jobs` say."""
    argv = ["--blocks", blocks, "--vocab", vocab, "--output_root", root]
    argv += ["--tagger", config.tagging.tagger, "--dates", config.tagging.dates]
    argv += ["--wave_size", str(config.jobs.wave_size), _resume(resume)]
    return tag_spans.run(argv + _beam(beam_args))


def make_examples(
    config: config_lib.Config,
    task: str,
    per_block: int,
    blocks: str,
    spans: str | None,
    vocab: str,
    root: str,
    beam_args: Sequence[str],
    *,
    resume: bool = True,
) -> artifacts.Segment:
    """Runs the job that writes training examples, as the run's stages would make them."""
    is_ict = task == example_records.ICT
    argv = ["--blocks", blocks, "--vocab", vocab, "--output_root", root, "--task", task]
    argv += ["--seed", str(config.seed), "--per_block", str(per_block)]
    argv += ["--spans", spans] if spans is not None else []
    query_length = (config.ict if is_ict else config.pretrain).query_length
    argv += ["--query_length", str(query_length), "--max_masks", str(config.pretrain.max_masks)]
    argv += ["--keep_probability", str(config.ict.keep_probability)]
    argv += ["--block_length", str(config.blocks.length), "--template", config.blocks.template]
    argv += ["--wave_size", str(config.jobs.wave_size), _resume(resume)]
    return make_examples_job.run(argv + _beam(beam_args))


def make_vectors(
    config: config_lib.Config,
    blocks: str,
    vocab: str,
    embedder: str,
    root: str,
    beam_args: Sequence[str],
) -> artifacts.Segment:
    """Runs the job that embeds blocks."""
    argv = ["--blocks", blocks, "--vocab", vocab, "--embedder", embedder, "--output_root", root]
    argv += ["--length", str(config.blocks.length), "--batch_size", str(_EMBED_BATCH_SIZE)]
    argv += ["--dtype", config.retrieval.dtype]
    return embed_blocks.run(argv + _beam(beam_args))


def make_index(config: config_lib.RetrievalConfig, vectors: str, root: str) -> artifacts.Segment:
    """Runs the job that builds an index."""
    argv = ["--vectors", vectors, "--output_root", root]
    for field in dataclasses.fields(config):
        if field.name not in ("dtype", "embed_dtype"):  # of the vectors, and what makes them
            argv += [f"--{field.name}", str(getattr(config, field.name))]
    return build_index.run(argv)
