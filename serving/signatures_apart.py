# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The signatures of a retriever and of a reader, which can be served apart."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from serving import reader as reader_lib
from serving import requests
from serving import retriever as retriever_lib


class RetrieverModule(tf.Module):
    """The signatures of a retriever.

    Keep a module as long as you call its functions: they refer to it weakly, as methods under
    tf.function do.

    Args:
      retriever: The retriever.
      about: What a shard tells of itself, by the signature `about`; None: it is no shard.
    """

    def __init__(self, retriever: retriever_lib.Retriever, about: str | None = None):
        super().__init__(name="retriever_module")
        self._retriever = retriever
        self.about = None if about is None else _constant(about)
        self.release = retriever.release  # of a loaded export that is not used again
        self.retrieve = self._make_retrieve()
        # Saving traces every function of a module, so there is none that cannot be called.
        self.embed_block = (
            tf.function(
                self._embed_block,
                input_signature=requests.specs("block_text", "title"),
                autograph=False,
            )
            if retriever.embeds_blocks
            else None
        )

    @tf.function(input_signature=requests.specs("question"), autograph=False)
    def retrieve_default(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """`retrieve`, ten blocks and no metadata."""
        question = requests.flat(question=question)["question"]
        k = tf.fill(tf.shape(question), requests.NUM_RETRIEVED)
        return self._retriever.retrieve(question, k, tf.fill(tf.shape(question), False))

    def _make_retrieve(self) -> Callable[..., dict[str, tf.Tensor]]:
        """See `Retriever.retrieve`; all inputs but `question` may be left out."""
        retriever = weakref.proxy(self._retriever)
        of_k, of_metadata, of_filter = requests.defaults(requests.NUM_RETRIEVED, False, "")

        def retrieve(
            question: tf.Tensor,
            k: tf.Tensor = of_k,
            with_metadata: tf.Tensor = of_metadata,
            filter: tf.Tensor = of_filter,  # noqa: A002  as requests call it
        ) -> dict[str, tf.Tensor]:
            asked = requests.flat(
                question=question, k=k, with_metadata=with_metadata, filters=filter
            )
            return retriever.retrieve(**asked)

        names = requests.specs("question", "k", "with_metadata", "filter")
        return tf.function(retrieve, input_signature=names, autograph=False)

    @tf.function(input_signature=requests.specs("question"), autograph=False)
    def embed_query(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embeds questions <string>[batch_size]: `embedding` <float32>[batch_size, embed_dim]."""
        asked = requests.flat(question=question)
        return {"embedding": self._retriever.embed_queries(asked["question"])}

    def _embed_block(self, block_text: tf.Tensor, title: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embeds blocks: texts and titles <string>[batch_size] to `embedding`, as `embed_query`."""
        given = requests.flat(block_text=block_text, title=title)
        return {"embedding": self._retriever.embed_blocks(given["title"], given["block_text"])}

    def signatures(self) -> dict[str, Any]:
        """The signatures of a retriever that is served apart."""
        found = {"serving_default": self.retrieve_default, **self.shared_signatures()}
        return found if self.about is None else {**found, "about": self.about}

    def shared_signatures(self) -> dict[str, Any]:
        """Those that a whole system has, too."""
        found = {"retrieve": self.retrieve, "embed_query": self.embed_query}
        return found if self.embed_block is None else {**found, "embed_block": self.embed_block}


def _constant(about: str) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A signature that says the same of every question: TF Serving tells no more of a model."""

    def of_question(question: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"about": tf.fill(tf.shape(requests.flat(question=question)["question"]), about)}

    return tf.function(of_question, input_signature=requests.specs("question"), autograph=False)


class ReaderModule(tf.Module):
    """The signatures of a reader that is served apart.

    Args:
      reader: The reader.
    """

    def __init__(self, reader: reader_lib.Reader):
        super().__init__(name="reader_module")
        self._reader = reader

    @tf.function(
        input_signature=requests.specs(
            "question",
            "block_text",
            "retrieval_score",
            "num_answers",
            per_block=("block_text", "retrieval_score"),
        ),
        autograph=False,
    )
    def read(
        self,
        question: tf.Tensor,
        block_text: tf.Tensor,
        retrieval_score: tf.Tensor,
        num_answers: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """See `Reader.read`."""
        asked = requests.flat(question=question, num_answers=num_answers)
        blocks = requests.matrices(block_text=block_text, retrieval_score=retrieval_score)
        rows = requests.same_rows(**asked, **blocks)
        return self._reader.read(**rows)

    def signatures(self) -> dict[str, Any]:
        """`serving_default` and `read`, which are the same."""
        return {"serving_default": self.read, "read": self.read}
