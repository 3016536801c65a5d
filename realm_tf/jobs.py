# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The data stages, called: from typed arguments to the jobs' command lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from beam_jobs import build_blocks, build_index, embed_blocks, import_corpus, tag_spans
from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data import conll, corpus_formats
from realm_tf.evaluation import entities
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.text import vocabulary
from realm_tf.training import context as context_lib
from realm_tf.training import open_qa as open_qa_training
from realm_tf.training import span_tagger
from realm_tf.training import system as system_lib
from serving import export

_EMBED_BATCH_SIZE = 64


def _beam(beam_args: Sequence[str]) -> list[str]:
    return ["--", *beam_args] if beam_args else []


def make_vocab(
    config: config_lib.VocabConfig, pattern: str, root: str, fmt: str = corpus_formats.JSONL
) -> artifacts.Segment:
    """The vocabulary that is configured, or one learned from the corpus."""
    if config.file is not None:
        vocab = vocabulary.read(config.file)
        return vocabulary.write_segment(root, vocab, lower_case=config.lower_case)
    corpus_formats.check(pattern, fmt)
    return vocabulary.learn_segment(
        root,
        corpus_formats.texts(pattern, fmt),
        size=config.size,
        lower_case=config.lower_case,
        made_from={"corpus": corpus_formats.fingerprint(pattern, fmt)},
    )


def make_blocks(
    config: config_lib.BlocksConfig,
    pattern: str,
    vocab: str,
    root: str,
    beam_args: Sequence[str],
    fmt: str = corpus_formats.JSONL,
) -> artifacts.Segment:
    """Runs the job that cuts a corpus into blocks, or takes over ready blocks or passages."""
    corpus_formats.check(pattern, fmt)
    argv = ["--input", pattern, "--vocab", vocab, "--output_root", root]
    argv += ["--length", str(config.length), "--template", config.template]
    argv += ["--language", config.language]
    argv += ["--num_shards", str(config.num_shards)]
    if fmt == corpus_formats.JSONL:
        return build_blocks.run(argv + _beam(beam_args))
    return import_corpus.run([*argv, "--format", fmt, *_beam(beam_args)])


def make_passages(
    config: config_lib.TaggingConfig, blocks: str, vocab: str, root: str, beam_args: Sequence[str]
) -> artifacts.Segment:
    """Runs the job that marks salient spans in blocks."""
    argv = ["--blocks", blocks, "--vocab", vocab, "--output_root", root]
    argv += ["--tagger", config.tagger, "--dates", config.dates]
    return tag_spans.run(argv + _beam(beam_args))


def make_tagger(
    config: config_lib.Config,
    *,
    train: Sequence[str],
    dev: Sequence[str],
    test: Sequence[str],
    vocab: str,
    root: str,
) -> artifacts.Segment:
    """Trains a span tagger on files of labelled sentences, given as glob patterns."""
    data = span_tagger.Data(
        train=conll.expand(train),
        dev=conll.expand(dev),
        test=conll.expand(test),
        vocab=artifacts.open_segment(vocab, vocabulary.KIND),
    )
    return span_tagger.train(config, data, root, score=entities.score)


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


def export_model(
    context: context_lib.Context,
    system: system_lib.System,
    weights: artifacts.Segment,
    output: str,
) -> str:
    """Exports a fine-tuned system with its corpus, unless the newest version is that already.

    Returns:
      The directory of the versions.
    """
    made_from = {
        **system.made_from(),
        "tokenizer": context.tokenizer.fingerprint,
        "embedder": system.snapshot.embedder.fingerprint,
        "open_qa_weights": weights.fingerprint,
    }
    if not export.is_current(output, made_from, context.config):
        export.export(
            model=open_qa_training.restore(context, weights),
            tokenizer=context.tokenizer,
            table=context.knowledge,
            vectors=vectors_lib.VectorTable.open(system.snapshot.segment("vectors")),
            config=context.config,
            path=output,
            snapshot_step=system.snapshot.step,
            made_from=made_from,
        )
    return output
