# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeds every block of a corpus with one embedder: shard in, shard out.

One element is one shard of the block segment, so a worker needs no memory but a shard's, the result
does not depend on how many workers there are, and a job that was killed continues with the shards
that are missing. The model is loaded once per process, and sees few shapes: full batches of a fixed
size, whose lengths are multiples of 32.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from apache_beam.utils import shared

from beam_jobs.engine import problems, runner, work_items
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import retriever, vectors
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

STEP = "EmbedShard"
LENGTH_STEP = 32

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Job:
    """What a worker needs to know.

    Attributes:
      embedder: Path of the "embedder" segment.
      vocab: Path of the "vocab" segment.
      output: Directory of the segment being made.
      num_shards: Number of shards of the segment.
      length: Length of packed blocks, in wordpieces, special tokens included.
      batch_size: Blocks per call of the model.
      dtype: Type of the vectors on disk, "float32" or "float16".
      template: Template of packed blocks; see `packing.pack_blocks`.
    """

    embedder: str
    vocab: str
    output: str
    num_shards: int
    length: int
    batch_size: int
    dtype: str
    template: str


def batches_of(buckets: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Divides blocks into batches of nearly equal lengths.

    Args:
      buckets: <int>[num_blocks] packed length of every block.
      batch_size: Number of blocks of every batch but the last.

    Yields:
      (rows <int64>[<= batch_size], packed length of the batch), the short blocks first.
    """
    order = np.argsort(buckets, kind="stable")
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield rows, int(buckets[rows].max())


def embed(
    titles: types.Ragged,
    bodies: types.Ragged,
    embed_fn: retriever.EmbedFn,
    tokenizer: tokenizer_lib.Tokenizer,
    *,
    length: int,
    batch_size: int,
    template: str = packing.TITLE_BODY,
) -> np.ndarray:
    """Embeds blocks.

    Args:
      titles: Wordpieces of the titles of any number of blocks, even none.
      bodies: Wordpieces of their texts.
      embed_fn: The block tower.
      tokenizer: Gives the special ids.
      length: Length of packed blocks, in wordpieces, special tokens included.
      batch_size: Every call gets so many: the last batch is filled with null blocks.
      template: Template of packed blocks; see `packing.pack_blocks`.

    Returns:
      <float32>[num_blocks, embed_dim].
    """
    sizes = bodies.lengths + packing.block_size(0, 0, template)
    if template == packing.TITLE_BODY:
        sizes = sizes + titles.lengths
    buckets = packing.bucket_lengths(sizes, length, LENGTH_STEP)
    # Without blocks, one batch of null blocks tells the size of a vector.
    batches = list(batches_of(buckets, batch_size)) or [(np.zeros(0, np.int64), LENGTH_STEP)]
    parts = []
    for rows, bucket in batches:
        filled = np.pad(rows, (0, batch_size - len(rows)), constant_values=-1)
        chosen = titles.take(filled), bodies.take(filled)
        packed = packing.pack_blocks(*chosen, bucket, tokenizer, template=template)
        parts.append(embed_fn(packed)[: len(rows)])
    in_batches = np.concatenate(parts)
    out = np.empty_like(in_batches)
    out[np.concatenate([rows for rows, _ in batches])] = in_batches
    return out


class _Model:
    """An embedder and its tokenizer in a worker's memory."""

    def __init__(self, job: _Job):
        embedder = artifacts.open_segment(job.embedder, "embedder", verify=False)
        self.embed_fn = retriever.load_embed_fn(embedder, "blocks")
        self.tokenizer = problems.open_tokenizer(job.vocab)


class EmbedFn(work_items.ItemFn):
    """Embeds the blocks of one shard, whose path is the item, and writes their vectors.

    Args:
      folder: Directory of the job.
      job: The rest of what a worker needs.
    """

    def __init__(self, folder: work_items.Folder, job: _Job):
        super().__init__(folder, STEP)
        self._job = job
        self._shared = shared.Shared()

    def setup(self) -> None:
        """Loads the model, once in a process."""
        self._model = self._shared.acquire(lambda: _Model(self._job), tag=self._job.output)

    def work(self, number: int, path: str) -> dict[str, Any]:
        """Embeds; see the class. The result: "counts", with the number of blocks."""
        job, model = self._job, self._model
        table = block_table.BlockTable.of_shard(path)
        embedded = embed(
            table.ragged("title_ids"),
            table.ragged("token_ids"),
            model.embed_fn,
            model.tokenizer,
            length=job.length,
            batch_size=job.batch_size,
            template=job.template,
        )
        vectors.write_shard(
            job.output,
            number,
            job.num_shards,
            block_ids=table.block_ids,
            vectors=embedded.astype(job.dtype),
        )
        return {"counts": {"blocks": len(table)}}


def embed_blocks(
    *,
    blocks: str,
    embedder: str,
    vocab: str,
    output_root: str,
    length: int = 288,
    batch_size: int = 64,
    dtype: str = "float32",
    wave_size: int = config_lib.JobsConfig().wave_size,
    resume: bool = True,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Embeds all blocks of a segment, or the shards of it that a killed job left.

    Args:
      blocks: Path of the "blocks" segment, which says by which template they are packed.
      embedder: Path of the "embedder" segment.
      vocab: Path of the "vocab" segment that both were made with.
      output_root: Directory of segments.
      length: Length of packed blocks, in wordpieces, special tokens included.
      batch_size: Blocks per call of the model.
      dtype: Type of the vectors on disk, "float32" or "float16".
      wave_size: Shards of one pipeline of the local runner; see `work_items.run`.
      resume: Whether to go on with what a killed job left, rather than to do everything again.
      beam_args: Pipeline options.

    Returns:
      The "vectors" segment; at once if it is there already.

    Raises:
      UserError: If blocks, embedder and vocabulary do not belong together, blocks or embedder are
        damaged, or a vector is not finite.
    """
    block_segment = artifacts.open_segment(blocks, verify=False)
    artifacts.require_kind(block_segment, schema.BLOCKS, schema.SCHEMA_VERSION)
    embedder_segment = artifacts.open_segment(embedder, "embedder")
    _check_tokenizer(vocab, block_segment, embedder_segment)
    made_from = {
        "blocks": block_segment.fingerprint,
        "embedder": embedder_segment.fingerprint,
    }
    settings = {"length": length, "batch_size": batch_size, "dtype": dtype}
    path = artifacts.recipe_path(output_root, vectors.KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        work_items.Folder(work_items.job_folder(path)).delete()
        return artifacts.open_segment(path, vectors.KIND, verify=False)
    artifacts.open_segment(blocks)  # compares checksums
    items = [(file,) for file in block_segment.files(f"{schema.BLOCKS}-")]
    template = block_segment.settings.get("template", packing.TITLE_BODY)
    job = _Job(embedder, vocab, path, len(items), length, batch_size, dtype, template)
    with artifacts.storage_errors():
        writer = artifacts.SegmentWriter(
            path, kind=vectors.KIND, settings=settings, made_from=made_from
        )
        folder = work_items.open_folder(
            work_items.job_folder(path), {"items": items}, resume=resume
        )
        work_items.forget_broken(
            folder, STEP, path, lambda number: vectors.has_shard(path, number, job.num_shards)
        )
        _LOGGER.info("embedding %d shards into %s", len(items), path)
        work_items.run(EmbedFn(folder, job), items, beam_args=beam_args, wave_size=wave_size)
        segment = _commit(writer, block_segment, job)
        folder.delete()
    return segment


def _check_tokenizer(vocab: str, *parts: artifacts.Segment) -> None:
    fingerprint = problems.open_tokenizer(vocab).fingerprint
    for part in parts:
        artifacts.require_same(
            "tokenizer", (part.path, part.made_from.get("tokenizer")), (vocab, fingerprint)
        )


def _commit(
    writer: artifacts.SegmentWriter, blocks: artifacts.Segment, job: _Job
) -> artifacts.Segment:
    total = 0
    for i in range(job.num_shards):
        names = vectors.ids_name(i, job.num_shards), vectors.vectors_name(i, job.num_shards)
        rows = vectors.num_rows(os.path.join(writer.path, names[1]))
        for name in names:
            writer.add(name, num_records=rows)
        total += rows
    if total != blocks.counts["blocks"]:
        raise types.UserError(
            f"{writer.path} has {total} vectors, but {blocks.path} has {blocks.counts['blocks']}"
            " blocks. Delete the vectors and embed again."
        )
    return writer.commit(blocks=total)


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="embed_blocks", description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", required=True, help="path of the blocks segment")
    parser.add_argument("--embedder", required=True, help="path of the embedder segment")
    parser.add_argument("--vocab", required=True, help="path of the vocab segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument("--length", type=int, default=288, help="wordpieces of a packed block")
    parser.add_argument("--batch_size", type=int, default=64, help="blocks per call of the model")
    parser.add_argument("--dtype", choices=("float32", "float16"), default="float32")
    return embed_blocks(**vars(parser.parse_args(own)), beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
