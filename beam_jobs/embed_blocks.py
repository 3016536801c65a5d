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

import apache_beam as beam
import numpy as np
from apache_beam.metrics import metric
from apache_beam.utils import shared

from beam_jobs.engine import problems, runner
from realm_tf import artifacts, types
from realm_tf.data.blocks import schema as blocks_lib
from realm_tf.retrieval import retriever, vectors
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

LENGTH_STEP = 32

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class EmbedJob:
    """What a worker needs to know.

    Attributes:
      block_shards: Paths of the block segment's shards.
      embedder: Path of the "embedder" segment.
      vocab: Path of the "vocab" segment.
      output: Directory of the segment being made.
      length: Of packed blocks, in wordpieces, special tokens included.
      batch_size: Blocks per call of the model.
      dtype: Of the vectors on disk, "float32" or "float16".
      template: Of packed blocks; see `packing.pack_blocks`.
    """

    block_shards: tuple[str, ...]
    embedder: str
    vocab: str
    output: str
    length: int
    batch_size: int
    dtype: str
    template: str = packing.TITLE_BODY

    @property
    def pending(self) -> list[int]:
        """Numbers of the shards that are still to be made."""
        count = len(self.block_shards)
        return [i for i in range(count) if not vectors.has_shard(self.output, i, count)]


def bucket_of(size: int, length: int) -> int:
    """The packed length, a multiple of 32 or `length`, of a block of `packing.block_size` size."""
    return min(length, -(-size // LENGTH_STEP) * LENGTH_STEP)


def batches_of(buckets: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Divides blocks into batches of nearly equal lengths.

    Args:
      buckets: <int>[num_blocks] packed length of every block.
      batch_size: Of all batches but the last.

    Yields:
      (rows <int64>[<= batch_size], packed length of the batch), the short blocks first.
    """
    order = np.argsort(buckets, kind="stable")
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield rows, int(buckets[rows].max())


def embed(
    blocks: Sequence[types.Block],
    embed_fn: retriever.EmbedFn,
    tokenizer: tokenizer_lib.Tokenizer,
    *,
    length: int,
    batch_size: int,
    template: str = packing.TITLE_BODY,
) -> np.ndarray:
    """Embeds blocks.

    Args:
      blocks: Any number, even none.
      embed_fn: The block tower.
      tokenizer: Gives the special ids.
      length: See `EmbedJob`.
      batch_size: Every call gets so many: the last batch is filled with null blocks.
      template: See `EmbedJob`.

    Returns:
      <float32>[num_blocks, embed_dim].
    """
    sizes = [packing.block_size(len(b.title_ids), len(b.token_ids), template) for b in blocks]
    buckets = np.array([bucket_of(size, length) for size in sizes], np.int64)
    # Without blocks, one batch of null blocks tells the size of a vector.
    batches = list(batches_of(buckets, batch_size)) or [(np.zeros(0, np.int64), LENGTH_STEP)]
    nothing = np.zeros(0, np.int32)
    parts = []
    for rows, bucket in batches:
        missing = [nothing] * (batch_size - len(rows))
        titles = [blocks[row].title_ids for row in rows] + missing
        bodies = [blocks[row].token_ids for row in rows] + missing
        packed = packing.pack_blocks(titles, bodies, bucket, tokenizer, template=template)
        embedded = embed_fn(packed)
        parts.append(embedded[: len(rows)])
    in_batches = np.concatenate(parts)
    out = np.empty_like(in_batches)
    out[np.concatenate([rows for rows, _ in batches])] = in_batches
    return out


class _Model:
    """An embedder and its tokenizer in a worker's memory."""

    def __init__(self, job: EmbedJob):
        embedder = artifacts.open_segment(job.embedder, "embedder", verify=False)
        self.embed_fn = retriever.load_embed_fn(embedder, "blocks")
        self.tokenizer = problems.open_tokenizer(job.vocab)


class _EmbedShard(beam.DoFn):
    """Number of a shard to (number, blocks in it), writing its vectors."""

    def __init__(self, job: EmbedJob):
        self._job = job
        self._shared = shared.Shared()
        self._count = metric.Metrics.counter("embed_blocks", "blocks")

    def setup(self) -> None:
        self._model = self._shared.acquire(lambda: _Model(self._job), tag=self._job.output)

    def process(self, number: int) -> Iterator[tuple[int, int]]:
        job, model = self._job, self._model
        records = blocks_lib.read(job.block_shards[number])
        blocks = [record for record in records if isinstance(record, types.Block)]
        embedded = embed(
            blocks,
            model.embed_fn,
            model.tokenizer,
            length=job.length,
            batch_size=job.batch_size,
            template=job.template,
        )
        vectors.write_shard(
            job.output,
            number,
            len(job.block_shards),
            block_ids=np.array([block.block_id for block in blocks], np.uint64),
            vectors=embedded.astype(job.dtype),
        )
        self._count.inc(len(blocks))
        yield number, len(blocks)


class EmbedBlocks(beam.PTransform):
    """Numbers of block shards to (number, blocks in it), writing their vectors.

    Args:
      job: The rest.
    """

    def __init__(self, job: EmbedJob):
        super().__init__()
        self._job = job

    def expand(self, shards: beam.PCollection[int]) -> beam.PCollection[tuple[int, int]]:
        """Embeds one shard per number."""
        return shards | beam.Reshuffle() | "EmbedShard" >> beam.ParDo(_EmbedShard(self._job))


def embed_blocks(
    *,
    blocks: str,
    embedder: str,
    vocab: str,
    output_root: str,
    length: int = 288,
    batch_size: int = 64,
    dtype: str = "float32",
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Embeds all blocks of a segment, or the shards of it that a killed job left.

    Args:
      blocks: Path of the "blocks" segment, which says by which template they are packed.
      embedder: Path of the "embedder" segment.
      vocab: Path of the "vocab" segment that both were made with.
      output_root: Directory of segments.
      length: Of packed blocks, in wordpieces, special tokens included.
      batch_size: Blocks per call of the model.
      dtype: Of the vectors on disk, "float32" or "float16".
      beam_args: Pipeline options.

    Returns:
      The "vectors" segment; at once if it is there already.

    Raises:
      UserError: If blocks, embedder and vocabulary do not belong together, or a vector is not
        finite.
    """
    block_segment = artifacts.open_segment(blocks, blocks_lib.BLOCKS, verify=False)
    embedder_segment = artifacts.open_segment(embedder, "embedder")
    _check_tokenizer(vocab, block_segment, embedder_segment)
    made_from = {
        "blocks": block_segment.fingerprint,
        "embedder": embedder_segment.fingerprint,
    }
    settings = {"length": length, "batch_size": batch_size, "dtype": dtype}
    path = artifacts.recipe_path(output_root, vectors.KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, vectors.KIND, verify=False)
    writer = artifacts.SegmentWriter(
        path, kind=vectors.KIND, settings=settings, made_from=made_from
    )
    shards = tuple(block_segment.files(f"{blocks_lib.BLOCKS}-"))
    template = block_segment.settings.get("template", packing.TITLE_BODY)
    job = EmbedJob(shards, embedder, vocab, path, length, batch_size, dtype, template)
    _run(job, beam_args)
    return _commit(writer, block_segment, len(shards))


def _check_tokenizer(vocab: str, *parts: artifacts.Segment) -> None:
    fingerprint = problems.open_tokenizer(vocab).fingerprint
    for part in parts:
        artifacts.require_same(
            "tokenizer", (part.path, part.made_from.get("tokenizer")), (vocab, fingerprint)
        )


def _run(job: EmbedJob, beam_args: Sequence[str]) -> None:
    pending = job.pending
    _LOGGER.info(
        "embedding %d of %d shards into %s", len(pending), len(job.block_shards), job.output
    )
    if not pending:
        return
    with runner.pipeline(beam_args) as pipeline:
        _ = pipeline | "Shards" >> beam.Create(pending) | "EmbedBlocks" >> EmbedBlocks(job)


def _commit(
    writer: artifacts.SegmentWriter, blocks: artifacts.Segment, num_shards: int
) -> artifacts.Segment:
    total = 0
    for i in range(num_shards):
        names = vectors.ids_name(i, num_shards), vectors.vectors_name(i, num_shards)
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
