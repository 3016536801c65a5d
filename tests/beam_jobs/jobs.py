# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The jobs, with the settings that a test changes as keywords."""

from __future__ import annotations

import pathlib
from typing import Any

from beam_jobs import build_blocks as blocks_job
from beam_jobs import embed_blocks as embed_job
from beam_jobs import make_examples as examples_job
from beam_jobs import tag_spans as tag_job
from realm_tf import artifacts
from realm_tf import config as config_lib
from tests.beam_jobs import documents

_RUNNING = ("beam_args", "resume")


def _running(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: kept.pop(name) for name in _RUNNING if name in kept}


def build(
    corpus: str,
    *,
    vocab: str,
    output_root: str,
    format: str = "jsonl",  # noqa: A002 - the name of the option
    jobs: dict[str, Any] | None = None,
    reading: dict[str, Any] | None = None,
    **kept: Any,
) -> blocks_job.Built:
    """The blocks job; `reading` are settings of `corpus`, other keywords of `blocks`."""
    running = _running(kept)
    config = config_lib.Config(
        corpus=config_lib.CorpusConfig(**(reading or {})),
        blocks=config_lib.BlocksConfig(**kept),
        jobs=config_lib.JobsConfig(**(jobs or {})),
    )
    params = blocks_job.Params(corpus, vocab, output_root, format, config)
    return blocks_job.build_blocks(params, **running)


def build_blocks(corpus: str, **kept: Any) -> artifacts.Segment:
    """The segment "blocks" of `build`."""
    return build(corpus, **kept).blocks


def cut_documents(root: pathlib.Path) -> artifacts.Segment:
    """The segment "blocks" of the `documents`, in three shards."""
    return build_blocks(
        documents.write(root / "a.jsonl", documents.records()),
        vocab=documents.write_vocab(root),
        output_root=str(root),
        length=48,
        num_shards=3,
    )


def tag_spans(*, blocks: str, vocab: str, output_root: str, **kept: Any) -> artifacts.Segment:
    """The tagging job; other keywords are settings of `tagging`."""
    running = _running(kept)
    config = config_lib.Config(tagging=config_lib.TaggingConfig(**kept))
    return tag_job.tag_spans(tag_job.Params(blocks, vocab, output_root, config), **running)


def embed_blocks(
    *,
    blocks: str,
    embedder: str,
    vocab: str,
    output_root: str,
    length: int = 288,
    batch_size: int = 64,
    dtype: str = "float32",
    **kept: Any,
) -> artifacts.Segment:
    """The embedding job."""
    config = config_lib.Config(
        blocks=config_lib.BlocksConfig(length=length),
        retrieval=config_lib.RetrievalConfig(embed_batch_size=batch_size, dtype=dtype),
    )
    params = embed_job.Params(blocks, embedder, vocab, output_root, config)
    return embed_job.embed_blocks(params, **kept)


def make_examples(
    *,
    blocks: str,
    vocab: str,
    output_root: str,
    task: str,
    spans: str | None = None,
    per_block: int = 1,
    overrides: tuple[str, ...] = (),
    **kept: Any,
) -> artifacts.Segment:
    """The job that writes examples; `overrides` are "section.key=value"."""
    config = config_lib.load(None, overrides)
    params = examples_job.Params(blocks, vocab, output_root, task, spans, per_block, config)
    return examples_job.make_examples(params, **kept)
