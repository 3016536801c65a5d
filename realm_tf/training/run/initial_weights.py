# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weights that a run starts from, instead of random ones: what `realm convert` made."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.models import embedder as embedder_lib
from realm_tf.models import open_qa_model, span_tagger, weights
from realm_tf.models import reader as reader_lib
from realm_tf.models.import_weights import imported
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.training.run import context as context_lib

_LOGGER = logging.getLogger(__name__)
# What the shapes of weights do not tell, but what they were trained with; of a deeper network the
# first layers would be taken without a word.
_UNSEEN = ("activation", "layer_norm_epsilon", "num_layers")
# Sections of the configuration whose encoders parts fill, if they are not named as the parts.
_SECTIONS = {"tagger": "span_tagger", "open_qa": "model.reader"}
_UNSEEN_OF_VECTORS = ("pooling", "normalisation", "projection_epsilon")


def of_embedder(context: context_lib.Context) -> artifacts.Segment | None:
    """What `init.embedder` names: "embedder_weights", else "bert_weights"; None if nothing.

    Raises:
      UserError: If it holds neither, or they belong to another vocabulary or configuration.
    """
    config = context.config.model.embedder
    kinds = (imported.EMBEDDER, imported.BERT)
    segment = _open(context.config, context.tokenizer, "embedder", kinds, config.encoder)
    if segment is not None and segment.kind == imported.EMBEDDER:
        theirs = weights.model_config(segment).embedder
        for name in _UNSEEN_OF_VECTORS:
            pair = getattr(config, name), getattr(theirs, name)
            _require_equal(f"model.embedder.{name}", *pair, segment)
    return segment


def of_reader(context: context_lib.Context) -> artifacts.Segment | None:
    """What `init.reader` names: "reader_weights", else "bert_weights"; None if nothing.

    Raises:
      UserError: As `of_embedder`.
    """
    kinds, encoder = (imported.READER, imported.BERT), context.config.model.reader.encoder
    return _open(context.config, context.tokenizer, "reader", kinds, encoder)


def of_open_qa(context: context_lib.Context) -> artifacts.Segment | None:
    """What `init.open_qa` names: "open_qa_weights", else "span_reader_weights"; None if nothing.

    Raises:
      UserError: As `of_embedder`.
    """
    config = context.config.model.reader
    kinds = (imported.OPEN_QA, imported.SPAN_READER)
    segment = _open(context.config, context.tokenizer, "open_qa", kinds, config.encoder)
    if segment is not None:
        epsilon = weights.model_config(segment).reader.span_epsilon
        _require_equal("model.reader.span_epsilon", config.span_epsilon, epsilon, segment)
    return segment


def of_tagger(
    config: config_lib.Config, tokenizer: tokenizer_lib.Tokenizer
) -> artifacts.Segment | None:
    """What `init.tagger` names: "reader_weights", else "bert_weights"; None if nothing.

    Raises:
      UserError: As `of_embedder`.
    """
    kinds, encoder = (imported.READER, imported.BERT), config.span_tagger.encoder
    return _open(config, tokenizer, "tagger", kinds, encoder)


def made_from(segment: artifacts.Segment | None) -> dict[str, str]:
    """What a recipe says of the weights it starts from."""
    return {} if segment is None else {"init": segment.fingerprint}


def fill_embedder(model: embedder_lib.Embedder, segment: artifacts.Segment | None) -> None:
    """Fills an embedder, or the encoders of its towers; nothing if there is no segment.

    Raises:
      UserError: If the weights have another shape.
    """
    if segment is None:
        return
    if segment.kind == imported.EMBEDDER:
        weights.restore(model, segment)
        return
    weights.restore_encoder(model.block_tower.encoder, segment)
    if model.query_tower is not model.block_tower:
        weights.restore_encoder(model.query_tower.encoder, segment)


def fill_reader(
    model: reader_lib.KnowledgeAugmentedEncoder, segment: artifacts.Segment | None
) -> None:
    """Fills a reader with initial weights, or its encoder alone where a BERT has no MLM head.

    Raises:
      UserError: If the weights have another shape.
    """
    if segment is None:
        return
    if segment.kind == imported.BERT and not segment.settings["masked_lm"]:
        _LOGGER.warning("%s has no MLM head: the reader's own starts random", segment.path)
        weights.restore_encoder(model.encoder, segment)
    else:
        weights.restore(model, segment)


def fill_open_qa(
    model: open_qa_model.OpenQaModel,
    segment: artifacts.Segment | None,
    embedder_weights: artifacts.Segment,
) -> None:
    """Fills the reader with initial weights, and the query tower where it fits the block vectors.

    Args:
      model: With the query tower of the embedder that made the vectors, which it keeps where the
        initial one was trained with the vectors of another embedder, or of one that is not known.
      segment: What `of_open_qa` returned; None: nothing is filled.
      embedder_weights: Segment "embedder_weights" of the embedder that made the vectors.

    Raises:
      UserError: If the weights have another shape.
    """
    if segment is None:
        return
    if segment.kind == imported.SPAN_READER:
        weights.restore(model.reader, segment)
    elif is_trained_on(segment, embedder_weights):
        weights.restore(model, segment)
        _LOGGER.info("Open QA starts with the reader and the query tower of %s.", segment.path)
    else:
        weights.restore_part("reader", model.reader, segment)
        _LOGGER.info(
            "Open QA starts with the reader of %s, but with the query tower of this run's embedder:"
            " theirs was trained with the vectors of another one.",
            segment.path,
        )


def is_trained_on(open_qa: artifacts.Segment, embedder_weights: artifacts.Segment) -> bool:
    """Whether open-QA weights were trained with the vectors that this very embedder makes.

    Args:
      open_qa: Segment "open_qa_weights".
      embedder_weights: Segment "embedder_weights"; it is the same embedder as the one that it
        starts from, if it was trained for no step.
    """
    same = {embedder_weights.fingerprint}
    if not embedder_weights.counts.get("steps"):
        same.add(embedder_weights.made_from.get("init", ""))
    return open_qa.made_from.get("embedder_weights") in same


def fill_tagger(model: span_tagger.SpanTagger, segment: artifacts.Segment | None) -> None:
    """Fills a tagger's encoder; nothing if there is no segment.

    Raises:
      UserError: If the weights have another shape.
    """
    if segment is not None:
        weights.restore_encoder(model.encoder, segment)


def _open(
    config: config_lib.Config,
    tokenizer: tokenizer_lib.Tokenizer,
    part: str,
    kinds: Sequence[str],
    encoder: config_lib.EncoderConfig,
) -> artifacts.Segment | None:
    directory = getattr(config.init, part)
    if directory is None:
        return None
    segment = _find(directory, part, kinds)
    if "tokenizer" in segment.made_from:
        artifacts.require_same(
            "tokenizer",
            (f"init.{part} {segment.path}", segment.made_from["tokenizer"]),
            ("this run", tokenizer.fingerprint),
        )
    elif (size := weights.vocab_size(segment)) != tokenizer.vocab_size:
        raise types.UserError(
            f"init.{part} {segment.path} has {size} wordpieces, but this run's vocabulary has"
            f" {tokenizer.vocab_size}. Set vocab.file to the vocabulary of those weights."
        )
    theirs = weights.model_config(segment)
    found = theirs.embedder if segment.kind == imported.EMBEDDER else theirs.reader
    for name in _UNSEEN:
        ours = getattr(encoder, name)
        section = _SECTIONS.get(part, f"model.{part}")
        _require_equal(f"{section}.encoder.{name}", ours, getattr(found.encoder, name), segment)
    return segment


def _find(directory: str, part: str, kinds: Sequence[str]) -> artifacts.Segment:
    if artifacts.is_complete(directory):
        segment = artifacts.open_segment(directory)
        if segment.kind in kinds:
            return segment
    for kind in kinds:
        if artifacts.is_complete(os.path.join(directory, kind)):
            return artifacts.open_segment(os.path.join(directory, kind), kind)
    raise types.UserError(
        f"init.{part} is {directory}, which holds neither {' nor '.join(kinds)}. Make it with realm"
        " convert."
    )


def _require_equal(
    name: str, ours: float | str, theirs: float | str, segment: artifacts.Segment
) -> None:
    if ours != theirs:
        raise types.UserError(
            f"{name} is {ours}, but {segment.path} was trained with {theirs}. Take the model"
            " section of the model.yaml that realm convert wrote."
        )
