# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a trained QA system as a SavedModel that an unmodified TF Serving can serve.

    path/1/saved_model.pb, variables/          the system: signatures `serving_default`, `retrieve`
    path/1/assets.extra/                       requests that TF Serving replays when it loads
    path/1/realm_export.json                   what it was made from

Every op is TensorFlow's own, or one of the two of TF.Text that TF Serving has been built with
since 2.12 (`TEXT_OPS`).
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.models import open_qa_model
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.text import tokenizer as tokenizer_lib
from serving import signatures, versions, warmup

_LOGGER = logging.getLogger(__name__)
TEXT_OPS = ("FastBertNormalize", "FastWordpieceTokenizeWithOffsets")


def export(
    *,
    model: open_qa_model.OpenQaModel,
    tokenizer: tokenizer_lib.Tokenizer,
    table: block_table.BlockTable,
    vectors: vectors_lib.VectorTable,
    config: config_lib.Config,
    path: str,
    snapshot_step: int,
    made_from: Mapping[str, str],
) -> str:
    """Exports the QA system as the next version of the served model.

    The version is written aside and renamed into place: it is whole or it is not there. (An object
    store has no such rename: export to a disk and copy, or let no server watch the directory yet.)

    Args:
      model: The fine-tuned model; its weights are written as they are now.
      tokenizer: Tokenizer that model and table were made with.
      table: Table of the blocks of the knowledge corpus.
      vectors: Vectors of these blocks, row by row.
      config: Configuration of the run.
      path: Directory of the versions, which TF Serving calls the model's base path.
      snapshot_step: Training step of the snapshot that the vectors are from.
      made_from: Fingerprints by role of what the model was fine-tuned with; must hold "tokenizer"
        and "embedder".

    Returns:
      The directory of the version; it is `path/1` for the first.

    Raises:
      UserError: If the parts do not belong together, another process exports to the same
        directory, or it cannot be written.
    """
    _check_made_from(made_from, tokenizer, vectors)
    module = signatures.QaModule(
        model=model, tokenizer=tokenizer, table=table, vectors=vectors, config=config
    )
    record = {
        "schema_version": 1,
        "snapshot_step": snapshot_step,
        "made_from": {
            **made_from,
            "blocks": table.blocks,
            "vectors": vectors.segment.fingerprint,
        },
        "counts": {
            "blocks": len(table),
            "parameters": sum(v.shape.num_elements() for v in model.variables),
        },
        "config": config_lib.to_dict(config),
        "tensorflow": tf.__version__,
    }
    with artifacts.hold(path), artifacts.storage_errors():
        target = os.path.join(path, str(max(versions.numbers(path), default=0) + 1))
        return _write(module, record, target)


def is_current(path: str, made_from: Mapping[str, str], config: config_lib.Config) -> bool:
    """Whether the newest version in `path` is an export of these parts and this configuration.

    A version that is not whole is none, with a warning.
    """
    numbers = versions.numbers(path)
    if not numbers:
        return False
    version = os.path.join(path, str(numbers[-1]))
    try:
        versions.require_whole(version)
        record = artifacts.read_json(os.path.join(version, versions.RECORD))
        parts, settings = record["made_from"], record["config"]
        same = all(parts.get(role) == made_from[role] for role in made_from)
    except (types.UserError, AttributeError, KeyError, TypeError) as error:
        _LOGGER.warning("%s is passed over: %s", version, error)
        return False
    return same and settings == config_lib.to_dict(config)


def _check_made_from(
    made_from: Mapping[str, str],
    tokenizer: tokenizer_lib.Tokenizer,
    vectors: vectors_lib.VectorTable,
) -> None:
    artifacts.require_same(
        "tokenizer",
        ("The model", made_from.get("tokenizer")),
        ("the tokenizer", tokenizer.fingerprint),
    )
    artifacts.require_same(
        "embedder",
        ("The model", made_from.get("embedder")),
        (f"the vectors {vectors.segment.path}", vectors.segment.made_from.get("embedder")),
    )


def _write(module: signatures.QaModule, record: Mapping[str, Any], target: str) -> str:
    path, name = os.path.split(target)
    for left in artifacts.paths_in(path, prefix=f"{name}.tmp-"):
        tf.io.gfile.rmtree(left)  # of an export that was killed: no other process exports here
    # TF Serving takes no notice of names that are not numbers.
    aside = f"{target}.tmp-{uuid.uuid4().hex[:8]}"
    try:
        tf.saved_model.save(
            module,
            aside,
            signatures={"serving_default": module.answer, "retrieve": module.retrieve},
        )
        warmup.write(os.path.join(aside, warmup.PATH))
        text = json.dumps({**record, "files": _sizes(aside)}, indent=1)
        artifacts.write_text(os.path.join(aside, versions.RECORD), text + "\n")
        tf.io.gfile.rename(aside, target)
    finally:
        if tf.io.gfile.exists(aside):
            tf.io.gfile.rmtree(aside)
    return target


def _sizes(directory: str) -> dict[str, int]:
    """Name, relative to the directory, and size of every file below it."""
    sizes = {}
    for folder, _, names in tf.io.gfile.walk(directory):
        for path in (os.path.join(folder, name) for name in names):
            sizes[os.path.relpath(path, directory)] = tf.io.gfile.stat(path).length
    return dict(sorted(sizes.items()))
