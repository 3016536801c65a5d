# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small segments for tests: blocks' vectors, and an embedder that is a real SavedModel."""

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, config
from realm_tf.retrieval import index, recall, vectors

TOKENIZER = "t" * 64


class TableEmbedder(tf.Module):
    """Embeds a text as the mean of its wordpieces' vectors; blocks get twice that."""

    def __init__(self, *, vocab_size: int = 64, dim: int = 8, seed: int = 0):
        super().__init__()
        values = np.random.default_rng(seed).normal(size=(vocab_size, dim))
        self.table = tf.Variable(values, dtype=tf.float32)

    def embed(self, word_ids, mask, type_ids):
        weights = tf.cast(mask * (1 + type_ids), tf.float32)[..., None]
        total = tf.reduce_sum(tf.gather(self.table, word_ids) * weights, axis=1)
        return {"embedding": total / tf.reduce_sum(weights, axis=1)}

    def signature(self, scale=1.0):
        specs = {
            name: tf.TensorSpec([None, None], tf.int32, name=name)
            for name in ("word_ids", "mask", "type_ids")
        }

        def scaled(**inputs):
            return {"embedding": scale * self.embed(**inputs)["embedding"]}

        return tf.function(scaled).get_concrete_function(**specs)


def write_embedder(root, *, tokenizer=TOKENIZER, step=0, **kwargs) -> artifacts.Segment:
    module = TableEmbedder(seed=step, **kwargs)
    settings = {"step": step, "embed_dim": module.table.shape[1]}
    made_from = {"tokenizer": tokenizer}
    path = artifacts.recipe_path(str(root), "embedder", settings=settings, made_from=made_from)
    writer = artifacts.SegmentWriter(path, kind="embedder", settings=settings, made_from=made_from)
    signatures = {"queries": module.signature(), "blocks": module.signature(scale=2.0)}
    tf.saved_model.save(module, f"{path}/{artifacts.SAVED_MODEL}", signatures=signatures)
    writer.add_tree(artifacts.SAVED_MODEL)
    return writer.commit()


def write_vectors(
    root, shards, *, blocks="b" * 64, embedder="e" * 64, dtype="float32"
) -> artifacts.Segment:
    """Writes <float>[num_rows, embed_dim] arrays as the shards of a "vectors" segment."""
    settings, made_from = {"dtype": dtype}, {"blocks": blocks, "embedder": embedder}
    path = artifacts.recipe_path(str(root), "vectors", settings=settings, made_from=made_from)
    writer = artifacts.SegmentWriter(path, kind="vectors", settings=settings, made_from=made_from)
    first = 100
    for i, shard in enumerate(shards):
        ids = np.arange(first, first + len(shard), dtype=np.uint64)
        names = vectors.write_shard(path, i, len(shards), block_ids=ids, vectors=shard, dtype=dtype)
        for name in names:
            writer.add(name, num_records=len(shard))
        first += len(shard)
    return writer.commit(blocks=first - 100)


def normal(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def write_empty(root, kind, *, made_from) -> artifacts.Segment:
    """Writes a segment without files, where only its fingerprints matter."""
    path = artifacts.recipe_path(str(root), kind, settings={}, made_from=made_from)
    return artifacts.SegmentWriter(path, kind=kind, settings={}, made_from=made_from).commit()


def write_retrieval(root, *, embedder, blocks, num_blocks=30) -> dict:
    """Writes vectors of `embedder` for `blocks`, and their index."""
    made = write_vectors(
        root,
        np.array_split(normal(num_blocks, embedder.settings["embed_dim"]), 2),
        blocks=blocks.fingerprint,
        embedder=embedder.fingerprint,
    )
    return {"vectors": made, "index": index.build(str(root), made, config.RetrievalConfig())}


def write_parts(root, *, step=0, tokenizer=TOKENIZER) -> dict:
    """Writes everything that a snapshot names, by role."""
    blocks = write_empty(root, "blocks", made_from={"tokenizer": tokenizer})
    embedder = write_embedder(root, tokenizer=tokenizer, step=step)
    return {
        "embedder": embedder,
        **write_retrieval(root, embedder=embedder, blocks=blocks),
        "blocks": blocks,
    }


def index_recall(searched, table: vectors.VectorTable, queries: np.ndarray, k: int) -> float:
    """The recall of an index at one depth; see `recall.GroundTruth.recall`."""
    truth = recall.GroundTruth.of(table, queries, min(k, len(table)))
    return truth.recall(searched.search(queries, min(k, len(table))).rows)
