# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Embeds every block of a corpus with one embedder: shard in, shard out.

The model is loaded once per process, and sees few shapes: full batches of a fixed size, whose
lengths are multiples of 32.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from apache_beam.utils import shared

from beam_jobs.engine import job_folder, launch, outputs, shard_job, tokenizers, work_items
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import known_vectors, retriever, vectors
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

STEP = "EmbedShard"
LENGTH_STEP = 32


@dataclasses.dataclass(frozen=True)
class Params:
    """What is embedded, and how.

    Attributes:
      blocks: Path of the "blocks" segment, which tells the template that they are packed by.
      embedder: Path of the "embedder" segment.
      vocab: Path of the "vocab" segment that both were made with.
      output_root: Directory of segments.
      config: Length of packed blocks, type of the vectors, and blocks per call of the model.
    """

    blocks: str
    embedder: str
    vocab: str
    output_root: str
    config: config_lib.Config = config_lib.Config()


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
    note: Callable[[float, float], None] | None = None,
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
      note: Is told how many of how many wordpieces are done, padding included.

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
    costs = np.cumsum([bucket for _, bucket in batches])
    for (rows, bucket), cost in zip(batches, costs, strict=True):
        filled = np.pad(rows, (0, batch_size - len(rows)), constant_values=-1)
        chosen = titles.take(filled), bodies.take(filled)
        packed = packing.pack_blocks(*chosen, bucket, tokenizer, template=template)
        parts.append(embed_fn(packed)[: len(rows)])
        if note is not None:
            note(cost, costs[-1])
    in_batches = np.concatenate(parts)
    out = np.empty_like(in_batches)
    out[np.concatenate([rows for rows, _ in batches])] = in_batches
    return out


class _Model:
    """An embedder and its tokenizer in a worker's memory."""

    def __init__(self, embedder: str, vocab: str):
        segment = artifacts.open_segment(embedder, "embedder", verify=False)
        self.embed_fn = retriever.load_embed_fn(segment, "blocks")
        self.tokenizer = tokenizers.open_once(vocab)


class EmbedFn(work_items.ItemFn):
    """Embeds the blocks of one shard, whose path is the item, and writes their vectors.

    Args:
      folder: Directory of the job.
      output: The segment of vectors.
      params: Parameters of the job.
      template: Template of packed blocks; see `packing.pack_blocks`.
      reuse: Paths of "vectors" segments; a block with an id that is there is not embedded again.
    """

    def __init__(
        self,
        folder: job_folder.Folder,
        output: outputs.Output,
        params: Params,
        template: str,
        reuse: Sequence[str] = (),
    ):
        super().__init__(folder, STEP)
        self._output = output
        self._params = params
        self._template = template
        self._reuse = tuple(reuse)
        self._shared = shared.Shared()

    def setup(self) -> None:
        """Loads the model, once in a process."""
        params = self._params
        self._model = self._shared.acquire(
            lambda: _Model(params.embedder, params.vocab), tag=params.embedder
        )

    def work(self, number: int, path: str) -> dict[str, Any]:
        """Embeds; see the class. The result: "counts", with the number of blocks, and `FILES`."""
        output = self._output
        table = block_table.BlockTable.of_shard(path)
        known = known_vectors.find(self._reuse, table.block_ids)
        new = np.setdiff1d(np.arange(len(table)), known.places)
        embedded = known.scattered(len(table), self._embed(table, new, number))
        names = vectors.write_shard(
            output.path,
            number,
            output.num_shards,
            block_ids=table.block_ids,
            vectors=embedded,
            dtype=self._params.config.retrieval.dtype,
        )
        files = [outputs.measure(output.path, name, len(table)) for name in names]
        counts = {"blocks": len(table), "reused": len(known.places)}
        return {"counts": counts, outputs.FILES: {vectors.KIND: files}}

    def _embed(self, table: block_table.BlockTable, rows: np.ndarray, number: int) -> np.ndarray:
        """Embeds some rows of the shard of this number."""
        config = self._params.config
        return embed(
            table.take("title_ids", rows),
            table.take("token_ids", rows),
            self._model.embed_fn,
            self._model.tokenizer,
            length=config.blocks.length,
            batch_size=config.retrieval.embed_batch_size,
            template=self._template,
            note=self.folder.note(STEP, number),
        )


def embed_blocks(
    params: Params,
    *,
    reuse: Sequence[str] = (),
    beam_args: Sequence[str] = (),
    resume: bool = True,
) -> artifacts.Segment:
    """Embeds all blocks of a segment, or the shards of it that a killed job left.

    Args:
      params: What is embedded, and how.
      reuse: Paths of "vectors" segments of the same embedder: what is there of a block with the
        same id is taken as it is.
      beam_args: Pipeline options.
      resume: Whether to go on with what a killed job left, rather than to do everything again.

    Returns:
      The "vectors" segment; at once if it is there already.

    Raises:
      UserError: If blocks, embedder and vocabulary do not belong together, blocks or embedder are
        damaged, or a vector is not finite.
    """
    blocks = artifacts.open_segment(params.blocks, schema.BLOCKS, verify=False)
    embedder = artifacts.open_segment(params.embedder, "embedder")
    tokenizers.check(params.vocab, blocks, embedder)
    retrieval = params.config.retrieval
    recipe = shard_job.Recipe(
        params.output_root,
        vectors.KIND,
        settings={
            "length": params.config.blocks.length,
            "batch_size": retrieval.embed_batch_size,
            "dtype": retrieval.dtype,
        },
        made_from={"blocks": blocks.fingerprint, "embedder": embedder.fingerprint},
    )
    recipe = _reusing(recipe, reuse)
    if segment := shard_job.finished(recipe, STEP):
        return segment
    artifacts.open_segment(params.blocks)  # compares checksums
    template = blocks.settings.get("template", packing.TITLE_BODY)
    return shard_job.make(
        recipe,
        [(file,) for file in blocks.files(f"{schema.BLOCKS}-")],
        lambda folder, output: EmbedFn(folder, output, params, template, reuse),
        lambda _, results: _counts(results, [] if not reuse else ["reused"]),
        beam_args=beam_args,
        resume=resume,
    )


def _reusing(recipe: shard_job.Recipe, reuse: Sequence[str]) -> shard_job.Recipe:
    """The recipe of vectors some of which are taken from these segments.

    Sums may differ in their last bits by what is embedded together, so it is another recipe.
    """
    if not reuse:
        return recipe
    known = [artifacts.open_segment(path, vectors.KIND) for path in reuse]
    for segment in known:
        artifacts.require_same(
            "embedder",
            (segment.path, segment.made_from["embedder"]),
            ("the embedder", recipe.made_from["embedder"]),
        )
    reused = artifacts.digest([segment.fingerprint for segment in known])
    return dataclasses.replace(recipe, settings={**recipe.settings, "reused": reused})


def _counts(results: Sequence[dict[str, Any]], more: Sequence[str]) -> dict[str, int]:
    return {name: sum(r["counts"][name] for r in results) for name in ("blocks", *more)}


if __name__ == "__main__":
    launch.run(__spec__.name)
