# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm convert`: foreign weights to segments, and our segments to the PyTorch port's files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras
import yaml

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import paths
from realm_tf.models import reader, weights
from realm_tf.models.import_weights import (
    hf_bert,
    hf_export,
    hf_hub,
    hf_realm,
    imported,
    mapping,
    tf1_bert,
    tf1_realm,
    tf2_bert,
)
from realm_tf.models.inference import embedder_export
from realm_tf.retrieval import orqa_vectors
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary

IMPORTERS: Mapping[str, Callable[[str], imported.Imported]] = {
    "hf-bert": hf_bert.load,
    "hf-realm": hf_realm.load,
    "tf1-bert": tf1_bert.load,
    "tf1-realm": tf1_realm.load,
    "tf2-bert": tf2_bert.load,
}
EXPORTERS = ("hf-realm",)
REPORT = "report.txt"


class Converted(NamedTuple):
    """What `convert` made.

    Attributes:
      segments: Segments of weights; vocabulary, embedder and vectors where the source has them.
      report: What became of every tensor.
    """

    segments: tuple[artifacts.Segment, ...]
    report: mapping.Report


def convert(
    kind: str,
    source: str,
    destination: str,
    *,
    blocks: str | None = None,
    layers: int | None = None,
    revision: str | None = None,
) -> Converted:
    """Imports weights.

    Args:
      kind: Key of `IMPORTERS`.
      source: What that importer reads; of `paths.HUB_KINDS` the name of a model of the hub, too.
      destination: New directory. It gets the segments, `report.txt`, and `model.yaml`: the
        settings of a run that starts from these weights.
      blocks: "blocks" segment that the source's `block_emb` belongs to, if it is to be imported.
      layers: Of a "hf-bert", keeps the first layers alone, so many.
      revision: Branch, tag or commit of a model of the hub.

    Raises:
      UserError: As the importers; if an option does not belong to the kind; if `destination` is not
        empty; or if blocks and `block_emb` do not belong together.
    """
    paths.check_new(destination)
    source, origin = _located(kind, source, revision)
    made = _import(kind, source, layers)
    if not made.networks and blocks is None:
        raise types.UserError(
            f"{source} holds block vectors alone; they need --blocks, the blocks they belong to."
        )
    if blocks is not None and made.block_emb is None:
        raise types.UserError(f"--blocks was given, but {source} holds no block vectors.")
    shas = [artifacts.file_sha256(path)[0] for path in made.files]
    made_from = {"source": artifacts.digest(shas)}
    notes: list[str] = []
    segments = list(_vocabulary(made, destination, notes))
    if segments:
        made_from["tokenizer"] = tokenizer_lib.Tokenizer.open(segments[0]).fingerprint
    for name, model in made.networks.items():
        segments.append(_save(name, model, made, origin, destination, made_from))
    segments += _embedder(made, segments, destination)
    if blocks is not None and made.block_emb is not None:
        block_emb = made.block_emb
        segments.append(_vectors(made, block_emb, segments, blocks, destination, made_from))
    elif made.block_emb is not None:
        notes.append("block_emb was not imported: give --blocks, the blocks it belongs to")
    report = made.report + mapping.Report((), (), tuple(notes))
    if made.networks:
        _write_model(made, segments, destination)
    artifacts.write_text(os.path.join(destination, REPORT), report.text())
    return Converted(tuple(segments), report)


def export(kind: str, source: str, destination: str) -> tuple[str, ...]:
    """Exports a weight segment for another implementation.

    Args:
      kind: One of `EXPORTERS`.
      source: Segment of weights, or a directory that `convert` made, with one.
      destination: New directory.

    Returns:
      What the other implementation cannot say of these weights.

    Raises:
      UserError: If there is no such segment, or the other has no such model.
    """
    if kind not in EXPORTERS:
        raise types.UserError(f"--to must be {', '.join(EXPORTERS)}. Received: {kind!r}.")
    paths.check_new(destination)
    segment = _weights_of(source)
    config = weights.model_config(segment)
    vocab_size = weights.vocab_size(segment)
    model = _network(segment.kind, config, vocab_size)
    weights.restore(model, segment)
    tf.io.gfile.makedirs(destination)
    return hf_export.save(destination, segment.kind, model, config, vocab_size)


def _located(kind: str, source: str, revision: str | None) -> tuple[str, dict[str, str]]:
    """The directory or checkpoint of a source, and what its segments record of where it is from."""
    if kind in paths.HUB_KINDS and paths.is_hub_name(source):
        fetched = hf_hub.fetch(source, revision)
        names = {"hub": fetched.name, "revision": fetched.revision}
        return fetched.path, {"imported": kind, **names}
    if revision is not None:
        raise types.UserError(
            f"--revision belongs to a name of the Hugging Face hub. Received the source {source}"
            f" for --from {kind}."
        )
    return source, {"imported": kind}


def _import(kind: str, source: str, layers: int | None) -> imported.Imported:
    if layers is None:
        return IMPORTERS[kind](source)
    if kind != "hf-bert":
        raise types.UserError(f"--layers belongs to --from hf-bert. Received: --from {kind}.")
    return hf_bert.load(source, layers)


def _vocabulary(
    made: imported.Imported, root: str, notes: list[str]
) -> Iterator[artifacts.Segment]:
    if made.vocab_file is None:
        return
    vocab = vocabulary.read(made.vocab_file)
    if len(vocab) != made.vocab_size:
        notes.append(
            f"{made.vocab_file} has {len(vocab)} wordpieces, but the weights {made.vocab_size}: a"
            " run can use them only with a vocabulary of as many"
        )
    yield vocabulary.write_segment(root, vocab, lower_case=made.lower_case)


def _save(
    name: str,
    model: tf_keras.Model,
    made: imported.Imported,
    origin: Mapping[str, str],
    root: str,
    made_from: Mapping[str, str],
) -> artifacts.Segment:
    settings: dict[str, Any] = {
        **origin,
        "model": config_lib.to_dict(made.config),
        "vocab_size": made.vocab_size,
    }
    if name == imported.BERT:
        settings["masked_lm"] = isinstance(model, reader.KnowledgeAugmentedEncoder)
    return weights.save(
        model,
        os.path.join(root, name),
        kind=name,
        settings=settings,
        made_from=made_from,
        counts={"steps": 0, "tensors": len(made.report.mapped)},
    )


def _embedder(
    made: imported.Imported, segments: list[artifacts.Segment], root: str
) -> Iterator[artifacts.Segment]:
    """The embedder as a SavedModel, for `realm embed`; it needs to know its tokenizer."""
    kinds = {segment.kind: segment for segment in segments}
    if vocabulary.KIND not in kinds or imported.EMBEDDER not in kinds:
        return
    trained = kinds[imported.EMBEDDER]
    model = made.networks[imported.EMBEDDER]
    yield embedder_export.export_embedder(
        model,
        os.path.join(root, "embedder"),
        settings={"step": 0},
        made_from={
            "tokenizer": trained.made_from["tokenizer"],
            "embedder_weights": trained.fingerprint,
        },
    )


def _vectors(
    made: imported.Imported,
    block_emb: np.ndarray,
    segments: list[artifacts.Segment],
    blocks: str,
    root: str,
    made_from: Mapping[str, str],
) -> artifacts.Segment:
    embedders = [segment for segment in segments if segment.kind == "embedder"]
    for embedder in embedders:
        artifacts.require_same(
            "tokenizer",
            (embedder.path, embedder.made_from["tokenizer"]),
            (blocks, artifacts.open_segment(blocks, verify=False).made_from.get("tokenizer")),
        )
    width = made.config.embedder.projection_size
    if made.networks and block_emb.shape[1] != width:
        raise types.UserError(
            f"block_emb has vectors of size {block_emb.shape[1]}, but the embedder makes {width}:"
            " they do not belong together."
        )
    origin = {"embedder": embedders[0].fingerprint} if embedders else dict(made_from)
    return orqa_vectors.write(os.path.join(root, "vectors"), block_emb, blocks, origin)


def _write_model(made: imported.Imported, segments: list[artifacts.Segment], root: str) -> None:
    """Writes the settings of a run that starts from these weights."""
    values: dict[str, Any] = {"model": config_lib.to_dict(made.config)}
    kinds = {segment.kind: segment for segment in segments}
    if vocabulary.KIND in kinds:
        values["vocab"] = {
            "file": kinds[vocabulary.KIND].file(vocabulary.FILE),
            "lower_case": made.lower_case,
        }
    starts = {"embedder": (imported.EMBEDDER, imported.BERT)}
    starts["reader"] = (imported.READER, imported.BERT)
    starts["open_qa"] = (imported.OPEN_QA, imported.SPAN_READER)
    init = {part: root for part, usable in starts.items() if set(usable) & set(kinds)}
    if init:
        values["init"] = init
    text = yaml.safe_dump(values, sort_keys=False)
    artifacts.write_text(os.path.join(root, paths.MODEL), text)


def _weights_of(source: str) -> artifacts.Segment:
    if artifacts.is_complete(source):
        return artifacts.open_segment(source)
    found = [
        path
        for path in artifacts.paths_in(source, suffix="_weights")
        if artifacts.is_complete(path)
    ]
    if len(found) != 1:
        raise types.UserError(
            f"{source} must be a segment of weights, or hold one. Found {len(found)}."
        )
    return artifacts.open_segment(found[0])


def _network(kind: str, config: config_lib.ModelConfig, vocab_size: int) -> tf_keras.Model:
    for architecture in hf_realm.ARCHITECTURES.values():
        if architecture.kind == kind:
            return architecture.make(config, vocab_size)
    raise types.UserError(f"The PyTorch port of REALM has no model for weights of kind {kind!r}.")
