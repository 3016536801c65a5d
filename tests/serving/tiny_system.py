# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A whole QA system of a few blocks and random weights."""

from __future__ import annotations

import json
import os
import string
from typing import Any, NamedTuple

import numpy as np

from realm_tf import artifacts, config, types
from realm_tf.data.blocks import keys, schema, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.models import open_qa_model
from realm_tf.retrieval import vectors
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from serving import export as export_lib

EMBEDDER = artifacts.digest("embedder")
DIM = 8

TEXTS = (
    ("Ohrid", "Lake Ohrid lies between Albania and North Macedonia. The lake is very old."),
    ("Été", "L'été à Évian: 25 °C. Die Straße — „schön“ — führt nach Zürich, 東京 und zurück."),
    ("Paris", "Paris is a city. The Paris of old was small; Paris, today, is not. " * 3),
    ("", "Short."),
    ("Danube", "The Danube rises in Germany and flows to the Black Sea past Vienna."),
    ("Rome", "Rome was not built in a day. A day in Rome is long."),
)


class System(NamedTuple):
    """What `serving` puts together, by the names of its arguments."""

    model: open_qa_model.OpenQaModel
    tokenizer: tokenizer_lib.Tokenizer
    table: block_table.BlockTable
    vectors: vectors.VectorTable
    config: config.Config


def make(root: str, texts=TEXTS, *, num_read: int = 3, fields=None, metadata=None) -> System:
    """Makes a system with one block per text.

    Args:
      root: Directory of its segments.
      texts: Titles and texts of the blocks.
      num_read: Number of blocks that are read for a question.
      fields: Declared fields of the metadata, and their types.
      metadata: Metadata of each block.
    """
    tokenizer = make_tokenizer()
    segment = block_segment(root, texts, tokenizer, fields, metadata)
    table = block_table.BlockTable.open(segment)
    model, cfg = make_model(tokenizer, num_read)
    return System(model, tokenizer, table, make_vectors(root, table), cfg)


def make_model(
    tokenizer: tokenizer_lib.Tokenizer, num_read: int = 3
) -> tuple[open_qa_model.OpenQaModel, config.Config]:
    """A model of random weights, and its configuration."""
    cfg = _config(num_read)
    model = open_qa_model.OpenQaModel(cfg.model, tokenizer.vocab_size).build_weights()
    _randomise(model)
    return model, cfg


def export_of(root: str, texts=TEXTS) -> str:
    """Exports a system with one block per text, and returns the directory of its versions.

    The documents have a `year` from 2020 on, and the language (`lang`) en or de, in turn.
    """
    fields = {"year": "number", "lang": "string"}
    metadata = [{"year": 2020 + n, "lang": ("en", "de")[n % 2]} for n in range(len(texts))]
    system = make(os.path.join(root, "parts"), texts, fields=fields, metadata=metadata)
    return export(system, os.path.join(root, "qa"))


def export(system: System, path: str, **changes: Any) -> str:
    """Exports a system to a directory of versions, which is returned.

    Args:
      system: The system.
      path: The directory.
      **changes: Other arguments of the export.
    """
    arguments = {
        "snapshot_step": 500,
        "made_from": {"tokenizer": system.tokenizer.fingerprint, "embedder": EMBEDDER},
        "block_tower": system.model.query_tower,
        **changes,
    }
    export_lib.export(**system._asdict(), path=path, **arguments)
    return path


def make_tokenizer(*more: str) -> tokenizer_lib.Tokenizer:
    """A tokenizer of letters and a few words."""
    letters = string.ascii_lowercase + string.digits + string.punctuation + "—„“°"
    words = ("the", "paris", "lake", "city", "rome", "day", "##ing", "##en", "is", "in", "a")
    vocab = [*vocabulary.SPECIAL_TOKENS, *letters, *(f"##{c}" for c in letters), *words, *more]
    return tokenizer_lib.Tokenizer(list(dict.fromkeys(vocab)))


def make_vectors(root: str, table: block_table.BlockTable, **changes: Any) -> vectors.VectorTable:
    """Vectors of a table, in one shard: random ones, or `numbers`.

    The other `changes` are of `made_from` or `dim`.
    """
    dim = changes.pop("dim", DIM)
    numbers = np.random.default_rng(3).standard_normal((len(table), dim)).astype(np.float32)
    numbers = changes.pop("numbers", numbers)
    made_from = {"blocks": table.blocks, "embedder": EMBEDDER, **changes}
    path = artifacts.recipe_path(root, "vectors", settings={"dim": dim}, made_from=made_from)
    writer = artifacts.SegmentWriter(
        path, kind=vectors.KIND, settings={"dim": dim}, made_from=made_from
    )
    vectors.write_shard(path, 0, 1, block_ids=np.array(table.block_ids), vectors=numbers)
    writer.add(vectors.ids_name(0, 1))
    writer.add(vectors.vectors_name(0, 1))
    return vectors.VectorTable.open(writer.commit(blocks=len(table)))


def _config(num_read: int) -> config.Config:
    encoder = config.EncoderConfig(
        hidden_size=16, num_layers=1, num_heads=2, intermediate_size=32, max_positions=512
    )
    return config.Config(
        model=config.ModelConfig(
            embedder=config.EmbedderConfig(encoder=encoder, projection_size=DIM),
            reader=config.ReaderConfig(encoder=encoder, span_size=8, max_span_width=4),
        ),
        open_qa=config.OpenQaConfig(query_length=16, reader_length=64, num_read=num_read),
    )


def _randomise(model: open_qa_model.OpenQaModel) -> None:
    # Weights as they are made give logits so close that their order means nothing.
    rng = np.random.default_rng(1)
    for variable in model.variables:
        variable.assign(variable + rng.normal(0.0, 0.3, variable.shape))


def block_segment(
    root: str, texts, tokenizer, fields=None, metadata=None, *, first: int = 0, num_files: int = 2
) -> artifacts.Segment:
    """Blocks of documents that are numbered from `first` on; the rest is as for `make`."""
    metadata = metadata or [{}] * len(texts)
    encoded = [tokenizer.encode(list(column)) for column in zip(*texts, strict=True)]
    records = [
        _block(f"doc-{i}", *text, *ids, json.dumps(of_document))
        for i, (text, ids, of_document) in enumerate(
            zip(texts, zip(*encoded, strict=True), metadata, strict=True), first
        )
    ]
    segment, _ = shards.write_segments(
        root,
        [types.Passage(block, ()) for block in records],
        num_shards=num_files,
        settings={
            "vocab_size": tokenizer.vocab_size,
            "texts": [first, len(texts), num_files],
            **({schema.METADATA_FIELDS: fields} if fields else {}),
        },
        made_from={"tokenizer": tokenizer.fingerprint},
    )
    return segment


def _block(doc_id: str, title: str, text: str, of_title, of_text, metadata: str) -> types.Block:
    return types.Block(
        block_id=keys.block_id(doc_id, title, text, 0),
        doc_id=doc_id,
        title=title,
        text=text,
        metadata=metadata,
        doc_byte_start=0,
        title_ids=of_title.ids,
        token_ids=of_text.ids,
        token_byte_start=of_text.byte_start,
        token_byte_limit=of_text.byte_limit,
        sentence_byte_start=np.array([0], np.int32),
        sentence_byte_limit=np.array([len(text.encode())], np.int32),
    )
