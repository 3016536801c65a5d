# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Third step of the blocks job: completes the packed blocks of one shard, and writes the shard.

Where the corpus brings spans, it writes their shard, too.

It needs what only all shards together tell: which blocks have a text that another document has,
too, and how large the places of bytes are. An item of work is the number of a shard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from beam_jobs import build_blocks_pack
from beam_jobs.engine import job_folder, outputs, work_items
from realm_tf.data.blocks import duplicates, schema, shards

STEP = "FinishShard"
MARKS = "duplicates.rows"


class FinishFn(work_items.ItemFn):
    """Completes shards.

    Args:
      folder: Directory of the job; its `MARKS` holds what `duplicates.mark` wrote.
      segments: The segment of blocks, and where the corpus brings them that of spans.
      vocab_size: Number of wordpieces of the vocabulary.
      largest_place: The largest place of a byte in a block of any shard.
      metadata_fields: Fields of the metadata that have columns, and their types.
    """

    def __init__(
        self,
        folder: job_folder.Folder,
        segments: Sequence[outputs.Output],
        *,
        vocab_size: int,
        largest_place: int,
        metadata_fields: Mapping[str, str],
    ):
        super().__init__(folder, STEP)
        self._segments = segments
        self._vocab_size = vocab_size
        self._largest_place = largest_place
        self._metadata_fields = dict(metadata_fields)

    def work(self, number: int, *item: Any) -> dict[str, Any]:
        """Completes one shard. The result: its number of blocks as "blocks", and `FILES`."""
        byte = schema.byte_type(self._largest_place)
        columns = {
            schema.BLOCKS: schema.of_blocks(
                schema.token_type(self._vocab_size), byte, self._metadata_fields
            ),
            schema.SPANS: schema.of_spans(byte),
        }
        files = {}
        count = 0
        for output in self._segments:
            packed = shards.read(build_blocks_pack.packed_path(self.folder, number, output.kind))
            if output.kind == schema.BLOCKS:
                packed = [self._mark(batch) for batch in packed]
            cast = (schema.cast(batch, columns[output.kind]) for batch in packed)
            count = shards.write(output.shard(number), cast, columns[output.kind])
            files[output.kind] = [output.measure(number, count)]
        return {"blocks": count, outputs.FILES: files}

    def _mark(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the column `duplicate_of`."""
        ids = batch.column("block_id").to_numpy()
        marks = pa.array(duplicates.first_ids(self.folder.file(MARKS), ids))
        place = batch.schema.get_field_index(schema.DUPLICATE_OF)
        return batch.set_column(place, batch.schema.field(place), marks)


def find_duplicates(folder: job_folder.Folder, results: list[dict[str, Any]]) -> int:
    """For the third step: looks for equal texts and ids in all packed shards, and writes `MARKS`.

    Args:
      folder: Directory of the job.
      results: Results of all items of the second step.

    Returns:
      The number of blocks with a text that a block before them has.

    Raises:
      UserError: If two blocks have one id.
    """
    duplicates.require_distinct(build_blocks_pack.packed_rows(folder, results, "ids"))
    texts = build_blocks_pack.packed_rows(folder, results, "texts")
    return duplicates.mark(texts, folder.file(MARKS))
