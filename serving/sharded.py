# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Asks the shards of a corpus, and one reader, as one system: its answers are those of one model.

Each shard finds the best blocks that it has, and of these the best are the best of all. A shard is
a retriever that is loaded here, or one behind an address. The reader reads what was merged, so
probabilities are those of one model, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.retrieval import exact_search
from serving import apart, requests, saved_models, versions

KEY = "shard"  # in the record of a version: which shard it is of which
_CALLS = 8  # of each shard at a time

# A signature: takes tensors by the names of its inputs.
Function = Callable[..., Mapping[str, Any]]


class System:
    """All shards, and the reader.

    Args:
      shards: The functions of the signatures of each shard, in their order.
      reader: SavedModel of the reader.
      num_read: Number of blocks that are read for a question, unless it says so.
      release: What frees searchers of shards that are loaded here.
    """

    def __init__(
        self,
        shards: Sequence[Mapping[str, Function]],
        reader: Any,
        num_read: int,
        release: Sequence[Callable[[], None]] = (),
    ):
        self._shards, self._reader, self._release = list(shards), reader, release
        self._left_out = requests.answer_defaults(min(num_read, requests.MAX_READ))
        self._threads = futures.ThreadPoolExecutor(_CALLS * len(shards), "shard")

    def signatures(self) -> dict[str, Function]:
        """The functions of the signatures of a whole system, and `read`."""
        first = self._shards[0]
        embed = {name: first[name] for name in ("embed_query", "embed_block") if name in first}
        return {
            **embed,
            "retrieve": self.retrieve,
            "read": self._reader.signatures["read"],
            "serving_default": self.answer,
            "answer": self.answer_as_wanted,
        }

    def release(self) -> None:
        """Frees what shards hold outside of their variables; nothing is called afterwards."""
        for one in self._release:
            one()

    def retrieve(self, *, k: tf.Tensor, **inputs: tf.Tensor) -> dict[str, np.ndarray]:
        """See `Retriever.retrieve`."""
        calls = [self._threads.submit(s["retrieve"], k=k, **inputs) for s in self._shards]
        found = [call.result() for call in calls]
        return merge([{n: np.asarray(x) for n, x in one.items()} for one in found], np.asarray(k))

    def answer(self, *, question: tf.Tensor) -> dict[str, Any]:
        """See `QaModule.answer`."""
        left_out = {name: tf.repeat(x, len(question)) for name, x in self._left_out.items()}
        found = self.answer_as_wanted(question=question, **left_out)
        del found["metadata"]
        return found

    def answer_as_wanted(self, *, question: tf.Tensor, **wanted: tf.Tensor) -> dict[str, Any]:
        """See `QaModule.answer_as_wanted`; what is left out is as the reader has it."""
        asked = {**self._left_out, **wanted}
        blocks = self.retrieve(
            question=question,
            k=requests.within(asked["num_read"], 1, requests.MAX_READ),
            with_metadata=asked["with_metadata"],
            filter=asked["filter"],
        )
        tensors = {name: tf.convert_to_tensor(value) for name, value in blocks.items()}
        return apart.answer_from(self._reader, question, asked["num_answers"], tensors)


def merge(found: Sequence[Mapping[str, np.ndarray]], k: np.ndarray) -> dict[str, np.ndarray]:
    """The best blocks of what the shards found; of equal scores, those of the first shard.

    Args:
      found: What `retrieve` returned of each shard, each [batch_size, any].
      k: How many blocks each question wants, <int32>[batch_size], or [1] for all.

    Returns:
      What `retrieve` of one model returns.
    """
    scores = [one["retrieval_score"] for one in found]
    starts = np.cumsum([0, *(x.shape[1] for x in scores)])
    k = np.clip(k, 1, requests.MAX_BLOCKS)
    width = min(int(k.max()), int(starts[-1]))
    # By the places where the outputs stand, one shard after the other, as if they were rows.
    parts = [
        types.RetrievedBlocks(np.where(x > requests.NO_BLOCK, start + np.arange(x.shape[1]), -1), x)
        for start, x in zip(starts, scores, strict=False)
    ]
    places = exact_search.merge(parts, width).rows
    is_there = (places >= 0) & (np.arange(width) < k[:, np.newaxis])
    merged = {}
    for name in found[0]:
        whole = np.concatenate([one[name] for one in found], axis=1)
        nothing = np.float32(requests.NO_BLOCK) if whole.dtype.kind == "f" else b""
        at = np.take_along_axis(whole, np.maximum(places, 0), axis=1)
        merged[name] = np.where(is_there, at, nothing)
    return merged


def in_order(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names of shards in their order.

    Args:
      records: The record of each shard by its name, which messages show.

    Raises:
      UserError: If one is no shard, they are not of one export, or they are not all of its shards.
    """
    first = next(iter(records))
    names: dict[int, str] = {}
    for name, record in records.items():
        if KEY not in record:
            raise types.UserError(f"{name} is no shard of `realm export --shards`.")
        versions.require_schema(name, record)
        for what, of in (("shards", _all_of), ("parts", _parts_of)):
            artifacts.require_same(what, (first, of(records[first])), (name, of(record)))
        number = record[KEY]["number"]
        if number in names:
            raise types.UserError(f"{names[number]} and {name} are both shard {number}.")
        names[number] = name
    count = len(records[first][KEY]["fingerprints"])
    for number in range(count):
        if number not in names:
            raise types.UserError(f"Shard {number} of {count} is missing; given: {list(records)}.")
    return [names[number] for number in range(count)]


def _all_of(record: Mapping[str, Any]) -> str:
    return artifacts.digest(record[KEY]["fingerprints"])


def _parts_of(record: Mapping[str, Any]) -> str:
    return artifacts.digest([record["made_from"], record["config"]])


def local_versions(path: str, number: int) -> list[str]:
    """Directories of one version of all shards of an export, in their order.

    Args:
      path: Directory of the export.
      number: Number of the version.

    Raises:
      UserError: As `in_order`.
    """
    found = [os.path.join(shard, str(number)) for shard in versions.shards(path)]
    return in_order({version: versions.record(version) for version in found})


def join(shards: Sequence[str], reader: Any) -> System:
    """Loads shards from the directories of their versions, and joins them with a loaded reader.

    Raises:
      UserError: If one is damaged.
    """
    loaded = [saved_models.load(shard) for shard in shards]
    num_read = apart.num_read(versions.record(shards[0]))
    release = [m.release for m in loaded if getattr(m, "release", None) is not None]
    # The modules are held by their functions here, because signatures do not keep variables alive.
    return System([_functions(module) for module in loaded], reader, num_read, release)


def _functions(module: Any) -> dict[str, Function]:
    return {name: lambda m=module, n=name, **x: m.signatures[n](**x) for name in module.signatures}


def load(path: str) -> System:
    """Loads the newest version of an export that is whole in all shards, and its reader.

    Raises:
      UserError: If there is none, or the parts do not belong together.
    """
    numbers = versions.complete_in_all(versions.shards(path))
    if not numbers:
        raise types.UserError(
            f"The shards in {path} have no version in common. Run `realm export --shards`."
        )
    shards = local_versions(path, numbers[-1])
    reader = apart.reader_of(path, shards[0], versions.record(shards[0]))
    return join(shards, saved_models.load(reader))
