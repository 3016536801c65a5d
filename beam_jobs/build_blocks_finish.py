# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Third step of the blocks job: completes the packed blocks of one shard, and writes the shard.

It needs what only all shards together tell: which blocks have a text that another document has,
too, and how large the places of bytes are. An item of work is the number of a shard.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from beam_jobs import build_blocks_pack
from beam_jobs.engine import outputs, work_items
from realm_tf.data.blocks import duplicates, schema, shards

STEP = "FinishShard"
MARKS = "duplicates.rows"


class FinishFn(work_items.ItemFn):
    """Completes shards.

    Args:
      folder: Directory of the job; its `MARKS` holds what `duplicates.mark` wrote.
      output: The segment.
      vocab_size: Number of wordpieces of the vocabulary.
      largest_place: The largest place of a byte in a block of any shard.
    """

    def __init__(
        self,
        folder: work_items.Folder,
        output: outputs.Output,
        *,
        vocab_size: int,
        largest_place: int,
    ):
        super().__init__(folder, STEP)
        self._output = output
        self._vocab_size = vocab_size
        self._largest_place = largest_place

    def work(self, number: int, *item: Any) -> dict[str, Any]:
        """Completes one shard. The result: its number of rows as "blocks", and "num_bytes"."""
        token = schema.token_type(self._vocab_size)
        columns = schema.of_blocks(token, schema.byte_type(self._largest_place))
        packed = shards.read(build_blocks_pack.packed_path(self.folder, number))
        marked = (schema.cast(self._mark(batch), columns) for batch in packed)
        path = outputs.shard_path(self._output, number)
        count = shards.write(path, marked, columns)
        return {"blocks": count, "num_bytes": outputs.shard_bytes(self._output, number)}

    def _mark(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with the column `duplicate_of`."""
        ids = batch.column("block_id").to_numpy()
        marks = pa.array(duplicates.first_ids(self.folder.file(MARKS), ids))
        place = batch.schema.get_field_index(schema.DUPLICATE_OF)
        return batch.set_column(place, batch.schema.field(place), marks)


def find_duplicates(folder: work_items.Folder, results: list[dict[str, Any]]) -> int:
    """Looks for equal texts and equal ids in all shards, and writes `MARKS`.

    Args:
      folder: Directory of the job.
      results: Results of all items of the second step.

    Returns:
      The number of blocks with a text that a block before them has.

    Raises:
      UserError: If two blocks have one id.
    """
    duplicates.require_distinct(build_blocks_pack.chunks(folder, results, "ids"))
    texts = build_blocks_pack.chunks(folder, results, "texts")
    return duplicates.mark(texts, folder.file(MARKS))
