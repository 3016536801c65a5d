# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a trained QA system as SavedModels that an unmodified TF Serving can serve.

    path/1/saved_model.pb, variables/          the system: the signatures of `QaModule`
    path/1/assets.extra/                       requests that TF Serving replays when it loads
    path/1/realm_export.json                   what it was made from

Or apart, so that an update of documents does not rewrite the reader:

    path/retriever/1/, path/reader/1/          each as above

Or with the corpus divided among several retrievers: see `sharded_export`.

Every op is TensorFlow's own, or one of the two of TF.Text that TF Serving has been built with
since 2.12 (`TEXT_OPS`). A search with ScaNN needs two more (`SCANN_OPS`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.evaluation import calibration as calibration_lib
from realm_tf.models import embedder, open_qa_model
from realm_tf.retrieval import view as view_lib
from realm_tf.text import tokenizer as tokenizer_lib
from serving import retriever, signatures, signatures_apart, versions, warmup

_LOGGER = logging.getLogger(__name__)
TEXT_OPS = ("FastBertNormalize", "FastWordpieceTokenizeWithOffsets")
SCANN_OPS = ("Scann>ScannSearchBatched", "Scann>TensorsToScann")

# What the reader depends on: not on blocks, so that it stays when documents are updated.
_READER_ROLES = ("tokenizer", "open_qa_weights", "calibration_questions")


def export(
    *,
    model: open_qa_model.OpenQaModel,
    tokenizer: tokenizer_lib.Tokenizer,
    table: block_table.BlockTable,
    vectors: view_lib.Vectors,
    config: config_lib.Config,
    path: str,
    snapshot_step: int,
    made_from: Mapping[str, str],
    snapshot_created: str | None = None,
    calibration: calibration_lib.Calibration | None = None,
    block_tower: embedder.Tower | None = None,
    search: retriever.Search | None = None,
    apart: bool = False,
) -> str:
    """Exports the QA system as the next version of the served model.

    On a disk, the version is written aside and renamed into place: it is whole or it is not there.
    An object store has no such rename: there the files are copied into place, `saved_model.pb`
    last, without which no server loads a version.

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
      snapshot_created: When that snapshot was made: UTC, ISO 8601.
      calibration: What makes probabilities of logits; a reader apart that is current keeps its own.
      block_tower: What embedded the blocks, if there is to be a signature that embeds blocks.
      search: Search over the vectors; by default exact.
      apart: Whether retriever and reader are two models, each in a directory of its own below
        `path`; one that is current already stays as it is.

    Returns:
      The directory of the version, `path/1` for the first; `path` itself if they are apart.

    Raises:
      UserError: If the parts do not belong together, another process exports to the same
        directory, or it cannot be written.
    """
    check_made_from(made_from, tokenizer, vectors)
    calibration = calibration or calibration_lib.Calibration()
    module = signatures.QaModule(
        model=model,
        tokenizer=tokenizer,
        table=table,
        vectors=vectors,
        config=config,
        calibration=calibration,
        block_tower=block_tower,
        search=search,
    )
    record = record_of(
        module,
        model,
        snapshot_step=snapshot_step,
        snapshot_created=snapshot_created,
        made_from={**made_from, "blocks": table.blocks, "vectors": vectors.fingerprint},
        calibration=calibration.to_json(),
        config=config_lib.to_dict(config),
    )
    with artifacts.hold(path), artifacts.storage_errors():
        if versions.shards(path):
            raise types.UserError(f"{path} holds an export in shards. Give another directory.")
        if not apart:
            return write(module, record, path)
        write_reader(module, record, path, config)
        part = signatures_apart.RetrieverModule(module.retriever)
        write(part, of_retriever_alone(record), os.path.join(path, versions.RETRIEVER))
        return path


def record_of(
    module: signatures.QaModule, model: open_qa_model.OpenQaModel, **facts: Any
) -> dict[str, Any]:
    """The record of a version: what is in a module, and other facts; see `versions.RECORD`."""
    return {
        "schema_version": versions.SCHEMA,
        "counts": {
            "blocks": module.retriever.num_blocks,
            "parameters": sum(v.shape.num_elements() for v in model.variables),
        },
        "search": module.retriever.search_record,
        "metadata_fields": dict(module.retriever.metadata_fields),
        "tensorflow": tf.__version__,
        **facts,
    }


def of_retriever_alone(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a retriever that is served apart, from that of the whole."""
    return {name: value for name, value in record.items() if name != "calibration"}


def write_reader(
    module: signatures.QaModule, record: Mapping[str, Any], path: str, config: config_lib.Config
) -> None:
    """Writes the reader of a module as a model apart, unless the newest version is it.

    Args:
      module: The whole system.
      record: Its record.
      path: Directory of the export.
      config: Configuration of the run.
    """
    of_corpus = ("search", "metadata_fields")
    of_reader = {name: value for name, value in record.items() if name not in of_corpus}
    of_reader["made_from"] = of_reader_alone(record["made_from"])
    target = os.path.join(path, versions.READER)
    if not is_current(target, of_reader["made_from"], config):
        write(signatures_apart.ReaderModule(module.reader), of_reader, target)


def of_reader_alone(made_from: Mapping[str, str]) -> dict[str, str]:
    """The part of `made_from` that a reader which is served apart depends on."""
    return {role: made_from[role] for role in _READER_ROLES if role in made_from}


def is_current(
    path: str, made_from: Mapping[str, str], config: config_lib.Config, index: str = "exact"
) -> bool:
    """Whether the newest SavedModel in `path` was exported from these parts and this configuration.

    A version that is not whole is none, with a warning.
    """
    numbers = versions.numbers(path)
    if not numbers:
        return False
    version = os.path.join(path, str(numbers[-1]))
    try:
        versions.require_whole(version)
        record = versions.record(version)
        parts, settings = record["made_from"], record["config"]
        same = versions.index_of(record) == index and record["schema_version"] == versions.SCHEMA
        same = same and all(parts.get(role) == made_from[role] for role in made_from)
    except (types.UserError, AttributeError, KeyError, TypeError) as error:
        _LOGGER.warning("%s is passed over: %s", version, error)
        return False
    return same and settings == config_lib.to_dict(config)


def check_made_from(
    made_from: Mapping[str, str],
    tokenizer: tokenizer_lib.Tokenizer,
    vectors: view_lib.Vectors,
) -> None:
    """Checks that a model was made from a tokenizer, and from the embedder of vectors.

    Raises:
      UserError: If it was not.
    """
    artifacts.require_same(
        "tokenizer",
        ("The model", made_from.get("tokenizer")),
        ("the tokenizer", tokenizer.fingerprint),
    )
    artifacts.require_same(
        "embedder",
        ("The model", made_from.get("embedder")),
        (f"the vectors {vectors.path}", vectors.made_from.get("embedder")),
    )


def write(module: Any, record: Mapping[str, Any], path: str, number: int | None = None) -> str:
    """Writes a version of a module below `path`, the next one; returns its directory."""
    if number is None:
        number = max(versions.numbers(path), default=0) + 1
    target = os.path.join(path, str(number))
    with _placed(target) as aside:
        names = module.signatures()
        with_scann = versions.index_of(record) == "scann"
        options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"] if with_scann else [])
        tf.saved_model.save(module, aside, signatures=names, options=options)
        warmup.write(os.path.join(aside, warmup.PATH), names)
        text = json.dumps({**record, "signatures": sorted(names), "files": _sizes(aside)}, indent=1)
        artifacts.write_text(os.path.join(aside, versions.RECORD), text + "\n")
    return target


@contextlib.contextmanager
def _placed(target: str) -> Iterator[str]:
    """Yields a directory to write a version in, and then puts it into its place."""
    path, name = os.path.split(target)
    for left in artifacts.paths_in(path, prefix=f"{name}.tmp-"):
        tf.io.gfile.rmtree(left)  # of an export that was killed: no other process exports here
    if artifacts.is_remote(target):
        with tempfile.TemporaryDirectory(prefix="realm-export-") as aside:
            yield aside
            _copy(aside, target)
        return
    # TF Serving takes no notice of names that are not numbers.
    aside = f"{target}.tmp-{uuid.uuid4().hex[:8]}"
    try:
        yield aside
        tf.io.gfile.rename(aside, target)
    finally:
        if tf.io.gfile.exists(aside):
            tf.io.gfile.rmtree(aside)


def _copy(local: str, target: str) -> None:
    """Copies a version to an object store: `saved_model.pb` last, without which it is none."""
    names = sorted(_sizes(local), key=lambda name: name == versions.MODEL)
    try:
        for name in names:
            place = os.path.join(target, name)
            tf.io.gfile.makedirs(os.path.dirname(place))
            tf.io.gfile.copy(os.path.join(local, name), place)
    except BaseException:
        if tf.io.gfile.exists(target):
            tf.io.gfile.rmtree(target)
        raise


def _sizes(directory: str) -> dict[str, int]:
    """Name, relative to the directory, and size of every file below it."""
    sizes = {}
    for folder, _, names in tf.io.gfile.walk(directory):
        for path in (os.path.join(folder, name) for name in names):
            sizes[os.path.relpath(path, directory)] = tf.io.gfile.stat(path).length
    return dict(sorted(sizes.items()))
