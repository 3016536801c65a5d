# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The signatures of the served model: the whole QA system as one graph, or as two.

`QaModule` is the retriever and the reader as one; the two can be exported apart, and give the same
answers. Evaluation asks the same `QaModule.answer` that is exported, so what is measured is what is
served.
"""

from __future__ import annotations

import weakref
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.evaluation import calibration as calibration_lib
from realm_tf.models import embedder, open_qa_model
from realm_tf.retrieval import view as view_lib
from realm_tf.text import tokenizer as tokenizer_lib
from serving import answers, exact_search, requests, signatures_apart
from serving import reader as reader_lib
from serving import retriever as retriever_lib


class QaModule(tf.Module):
    """The whole QA system as a tf.Module: retriever and reader.

    Args:
      model: The fine-tuned model; its weights are copied as they are now.
      tokenizer: Tokenizer that model and table were made with.
      table: Table of the blocks of the knowledge corpus.
      vectors: Vectors of these blocks, row by row.
      config: Configuration of the run: lengths, number of blocks to read, number types of the query
        tower and the reader.
      calibration: What makes probabilities of logits.
      block_tower: What embedded the blocks, if there is to be a signature that embeds blocks.
      search: Search over the vectors; by default exact.

    Attributes:
      retriever: The retriever.
      reader: The reader.

    Raises:
      UserError: If the parts do not belong together.
    """

    def __init__(
        self,
        *,
        model: open_qa_model.OpenQaModel,
        tokenizer: tokenizer_lib.Tokenizer,
        table: block_table.BlockTable,
        vectors: view_lib.Vectors,
        config: config_lib.Config,
        calibration: calibration_lib.Calibration | None = None,
        block_tower: embedder.Tower | None = None,
        search: retriever_lib.Search | None = None,
    ):
        super().__init__(name="qa")
        _check_parts(model, tokenizer, table, vectors)
        self._num_read = min(config.open_qa.num_read, len(table), requests.MAX_READ)
        this = weakref.proxy(self)
        self.answer_as_wanted = requests.answer_function(
            lambda **inputs: this._answer_as_wanted(**inputs), self._num_read
        )
        self.retriever = retriever_lib.Retriever(
            query_tower=model.query_tower,
            block_tower=block_tower,
            tokenizer=tokenizer,
            table=table,
            search=search or exact_search.ExactSearch(vectors),
            config=config,
        )
        self.release = self.retriever.release
        self.reader = reader_lib.Reader(
            model=model.reader,
            tokenizer=tokenizer,
            config=config,
            calibration=calibration or calibration_lib.Calibration(),
        )

    @tf.function(input_signature=requests.specs("question"), autograph=False)
    def answer(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers questions: what `answer_as_wanted` returns, without metadata.

        Of each question `open_qa.num_read` blocks are read, and 5 answers are given.

        Args:
          question: Questions <string>[batch_size].
        """
        question = requests.flat(question=question)["question"]
        found = self._answer(
            question,
            tf.fill(tf.shape(question), self._num_read),
            tf.fill(tf.shape(question), requests.NUM_ANSWERS),
            requests.NUM_ANSWERS,
        )
        del found["metadata"]
        return found

    def _answer_as_wanted(self, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers questions.

        Args:
          **inputs: `question` <string>, `num_read` <int32>, how many blocks are read for each, and
            `num_answers` <int32>, how many answers it wants (the nearest number that can be had is
            taken), `with_metadata` <bool>, whether metadata is wanted, and `filters` <string>, see
            `Retriever.search`; each [batch_size].

        Returns:
          What `Reader.read` returns, but for `block`, and in its place what `BlockStore.cite`
          returns of the evidence, <string>[batch_size, largest num_answers].
        """
        asked = requests.flat(**inputs)
        found = self._answer(
            asked["question"], asked["num_read"], asked["num_answers"], filters=asked["filters"]
        )
        is_wanted = asked["with_metadata"][:, tf.newaxis]
        return {**found, "metadata": tf.where(is_wanted, found["metadata"], "")}

    def _answer(
        self,
        question: tf.Tensor,
        num_read: tf.Tensor,
        num_answers: tf.Tensor,
        most: int | None = None,
        filters: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        num_read = requests.within(num_read, 1, min(requests.MAX_READ, self.retriever.num_blocks))
        rows, scores = self.retriever.search(question, num_read, filters)
        return self.answer_from(question, rows, scores, num_answers, most)

    def answer_from(
        self,
        question: tf.Tensor,
        rows: tf.Tensor,
        scores: tf.Tensor,
        num_answers: tf.Tensor,
        most: int | None = None,
    ) -> dict[str, tf.Tensor]:
        """As `answer_as_wanted`, with the metadata, from given blocks, whoever found them.

        Rows and scores [batch_size, num_blocks] are as `Retriever.search` gives them.
        """
        texts = self._texts(rows, scores)
        found = self.reader.read(question, texts, scores, num_answers, most)
        block = found.pop("block")
        evidence = tf.gather(rows, tf.maximum(block, 0), batch_dims=1)
        return {**found, **self.retriever.cite(evidence, block >= 0)}

    def _texts(self, rows: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        return self.retriever.cite(rows, scores > requests.NO_BLOCK)["block_text"]

    @tf.function(input_signature=requests.specs("question", "k"), autograph=False)
    def search(self, question: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows and scores of the best blocks; see `Retriever.search`."""
        return self.retriever.search(question, k)

    def candidates(
        self, question: tf.Tensor, rows: tf.Tensor, scores: tf.Tensor
    ) -> answers.Candidates:
        """Candidate spans of blocks that were searched for; see `Reader.candidates`."""
        return self.reader.candidates(question, self._texts(rows, scores), scores)

    def signatures(self) -> dict[str, Any]:
        """The signatures of the whole system."""
        # The module of the retriever's signatures is kept, because they refer to it weakly.
        self._of_retriever = signatures_apart.RetrieverModule(self.retriever)
        return {
            "serving_default": self.answer,
            "answer": self.answer_as_wanted,
            **self._of_retriever.shared_signatures(),
        }


def _check_parts(
    model: open_qa_model.OpenQaModel,
    tokenizer: tokenizer_lib.Tokenizer,
    table: block_table.BlockTable,
    vectors: view_lib.Vectors,
) -> None:
    of_table = f"the blocks {table.path}"
    of_vectors = f"the vectors {vectors.path}"
    artifacts.require_same(
        "tokenizer", ("The tokenizer", tokenizer.fingerprint), (of_table, table.tokenizer)
    )
    artifacts.require_same(
        "blocks", (of_table, table.blocks), (of_vectors, vectors.made_from["blocks"])
    )
    sizes = (
        ("vocabulary", model.get_config()["vocab_size"], "the tokenizer", tokenizer.vocab_size),
        ("vectors", model.config.embedder.embed_dim, of_vectors, vectors.dim),
    )
    for what, of_model, other, size in sizes:
        if of_model != size:
            raise types.UserError(
                f"The model and {other} do not belong together: the size of their {what} differs"
                f" ({of_model} and {size}). Take those that the model was trained with."
            )
