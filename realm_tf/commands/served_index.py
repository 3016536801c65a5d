# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The search of an export with an index, which is gated with the questions that it is made for.

The index is a segment of the run, over the base of its snapshot: after a change of documents it is
there already.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import types
from realm_tf.data.questions import questions as open_qa
from realm_tf.models import open_qa_model
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.retrieval import view as view_lib
from realm_tf.text import packing
from realm_tf.training.run import context as context_lib
from serving import approximate_search, requests

_BATCH_SIZE = 64


def make(
    context: context_lib.Context,
    vectors: view_lib.Vectors,
    model: open_qa_model.OpenQaModel,
    kind: str,
    questions: Sequence[open_qa.Question],
) -> approximate_search.ApproximateSearch | None:
    """Builds the index, unless that is done, and makes the search of it.

    Args:
      context: The opened data of the run.
      vectors: The vectors to search, of a snapshot or of a shard of it.
      model: The fine-tuned model, which embeds the questions.
      kind: "ivf" or "scann"; "exact" needs no index.
      questions: Questions to measure the recall with.

    Returns:
      The search; None for the exact one, which is the default of an export.

    Raises:
      UserError: If there are too few blocks for such an index, or none of its widths reaches the
        recall floor.
    """
    if kind == "exact":
        return None
    base = vectors if isinstance(vectors, vectors_lib.VectorTable) else vectors.layers[0]
    depths = [context.config.answering.open_qa.num_read, requests.NUM_RETRIEVED, requests.MAX_READ]
    if (fusion := context.config.retrieval.fusion).serve:  # every search is as deep
        depths.append(min(fusion.depth, requests.MAX_BLOCKS))
    built = index_lib.build(
        context.root,
        base.segment,
        dataclasses.replace(context.config.retrieval, index=kind),
        k=requests.MAX_BLOCKS,
        gates=depths,
        queries=_embed(context, model, [question.question for question in questions]),
    )
    if built.settings["backend"] != kind:
        raise types.UserError(
            f"{base.path} has too few blocks for an index of {kind}, or the index is under the"
            " recall floor at every depth, as the log tells. Export with --index exact, or lower"
            " retrieval.recall_floor."
        )
    return approximate_search.ApproximateSearch(built, vectors)


def _embed(
    context: context_lib.Context, model: open_qa_model.OpenQaModel, questions: Sequence[str]
) -> np.ndarray:
    """Vectors <float32>[num_questions, embed_dim] of questions."""
    found = []
    for start in range(0, len(questions), _BATCH_SIZE):
        texts = questions[start : start + _BATCH_SIZE]
        length = context.config.open_qa.query_length
        packed = packing.pack_texts(texts, length, context.tokenizer)
        packed = types.EncoderInputs(*(tf.constant(x) for x in packing.trim(packed)))
        found.append(model.embed(packed, training=False).numpy())
    return np.concatenate(found).astype(np.float32, copy=False)
