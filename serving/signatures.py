# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The signatures of the served model: the whole QA system as one graph, questions to answers.

Evaluation asks the same `QaModule.answer` that is exported, so what is measured is what is served.
"""

from __future__ import annotations

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.models import losses, open_qa_model
from realm_tf.models.inference import lean_encoder, lean_reader
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib
from serving import block_store, graph_packing, spans

_CANDIDATES_PER_ANSWER = 8  # spans looked at for each answer, so that enough stay distinct
_QUESTION = [tf.TensorSpec([None], tf.string, name="question")]


class QaModule(tf.Module):
    """The whole QA system as a tf.Module: retriever, reader and block store.

    Keep the module as long as you call its functions: they refer to it weakly, as methods under
    tf.function do.

    Args:
      model: The fine-tuned model; its weights are copied as they are now.
      tokenizer: Tokenizer that model and table were made with.
      table: Table of the blocks of the knowledge corpus.
      vectors: Vectors of these blocks, row by row.
      config: Configuration of the run: lengths, number of blocks to read, number type of the query
        tower.
      num_answers: Number of places for answers.
      num_retrieved: Number of blocks that `retrieve` returns, if there are as many.

    Raises:
      UserError: If the parts do not belong together.
    """

    def __init__(
        self,
        *,
        model: open_qa_model.OpenQaModel,
        tokenizer: tokenizer_lib.Tokenizer,
        table: block_table.BlockTable,
        vectors: vectors_lib.VectorTable,
        config: config_lib.Config,
        num_answers: int = 5,
        num_retrieved: int = 10,
    ):
        super().__init__(name="qa")
        _check_parts(model, tokenizer, table, vectors)
        self._config = config.open_qa
        self._tokenizer, self._text_to_ids = tokenizer, tokenizer.in_graph()
        self._blocks = block_store.BlockStore(table)
        self._vectors = tf.Variable(vectors.load(), trainable=False, name="vectors")
        # What made the vectors is a lean tower in this dtype, too.
        self._query_tower = lean_encoder.LeanTower(
            model.query_tower, dtype=config.retrieval.embed_dtype
        )
        self._reader = lean_reader.LeanSpanReader(model.reader)
        self._span_width = model.config.reader.max_span_width
        self._num_read = min(self._config.num_read, len(table))
        self._num_retrieved = min(num_retrieved, len(table))
        self._num_answers = num_answers

    @tf.function(input_signature=_QUESTION, autograph=False)
    def answer(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers questions.

        A score is the retriever's logit plus the reader's. Of equal answers (after
        normalisation) in one block, the best is kept. If there are fewer answers than places, the
        last places have empty strings and the score `spans.NO_ANSWER`.

        Args:
          question: Questions <string>[batch_size].

        Returns:
          Dict of tensors [batch_size, num_answers], best first: `answer` <string>, `score`
          <float32>, `answer_byte_start` and `answer_byte_limit` <int32>, and those of `retrieve`.
        """
        tokens = self._tokenize(question)
        rows, relevance = self._search(tokens, self._num_read)
        logits, body_start = self._read(tokens, rows, relevance)
        candidates = spans.best(logits, self._num_answers * _CANDIDATES_PER_ANSWER)
        texts = self._cite(candidates, rows, body_start)["answer"]
        answers = spans.distinct(candidates, texts, self._num_answers)
        return self._cite(answers, rows, body_start)

    @tf.function(input_signature=_QUESTION, autograph=False)
    def retrieve(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """Retrieves blocks for questions.

        Args:
          question: Questions <string>[batch_size].

        Returns:
          Dict of tensors [batch_size, num_retrieved], best first: `score` <float32>, the inner
          product; `block_id` (a decimal number: JSON rounds large integers), `doc_id`, `title`
          and `block_text`, all <string>.
        """
        rows, scores = self._search(self._tokenize(question), self._num_retrieved)
        return {**self._blocks.cite(rows, tf.ones_like(rows, tf.bool)), "score": scores}

    def _tokenize(self, question: tf.Tensor) -> tf.RaggedTensor:
        """Wordpieces <int32>[batch_size, (any)], as many as a packed query has room for.

        A server does not hold requests against the shape that a signature declares, and the
        tokenizer's op would end the whole server at a scalar: so any shape is taken for a list.
        (The placeholder forgets the declared shape, for which the reshape would be optimised away.)
        """
        any_shape = tf.compat.v1.placeholder_with_default(question, shape=None)
        tokens = self._text_to_ids.tokenize(tf.reshape(any_shape, [-1]))
        return tokens[:, : self._config.query_length - packing.QUERY_SPECIALS]

    def _search(self, tokens: tf.RaggedTensor, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows <int64> and inner products <float32>, both [batch_size, count], best first."""
        length = self._config.query_length
        query_emb = self._query_tower(graph_packing.pack_queries(tokens, length, self._tokenizer))
        scores = tf.matmul(query_emb, self._vectors, transpose_b=True)
        best, rows = tf.math.top_k(scores, count)
        return tf.cast(rows, tf.int64), best

    def _read(
        self, tokens: tf.RaggedTensor, rows: tf.Tensor, relevance: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores the spans of blocks.

        Args:
          tokens: Wordpieces of the questions, ragged <int32>[batch_size, (any)].
          rows: Rows of the blocks to read, <int64>[batch_size, num_read].
          relevance: Inner products of question and blocks, <float32>[batch_size, num_read].

        Returns:
          <float32>[batch_size, num_read, reader_length, max_span_width] logits,
          `spans.NO_ANSWER` where there is no span, and <int64>[batch_size, num_read] where the
          bodies start.
        """
        length, width = self._config.reader_length, self._span_width
        queries = tf.gather(tokens, tf.repeat(tf.range(tokens.nrows()), self._num_read))
        bodies = self._blocks.token_ids(tf.reshape(rows, [-1]))
        joint, body_start = graph_packing.pack_joint(queries, bodies, length, self._tokenizer)
        logits = self._reader(joint) + tf.reshape(relevance, [-1, 1, 1])
        mask = losses.span_mask(graph_packing.body_mask(joint, body_start), width)
        logits = tf.where(mask, logits, spans.NO_ANSWER)
        shape = [-1, self._num_read, length, width]
        return tf.reshape(logits, shape), tf.reshape(body_start, shape[:2])

    def _cite(
        self, candidates: spans.Candidates, rows: tf.Tensor, body_start: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What `answer` returns, [batch_size, count], for the candidates in blocks `rows`."""
        rows = tf.gather(rows, candidates.slot, batch_dims=1)
        body_start = tf.gather(body_start, candidates.slot, batch_dims=1)
        valid = candidates.score > spans.NO_ANSWER
        start, limit = self._blocks.byte_range(
            rows, candidates.first - body_start, candidates.last - body_start, valid
        )
        texts = self._blocks.cite(rows, valid)
        return {
            "answer": tf.strings.substr(texts["block_text"], start, limit - start, unit="BYTE"),
            "score": candidates.score,
            "answer_byte_start": start,
            "answer_byte_limit": limit,
            **texts,
        }


def _check_parts(
    model: open_qa_model.OpenQaModel,
    tokenizer: tokenizer_lib.Tokenizer,
    table: block_table.BlockTable,
    vectors: vectors_lib.VectorTable,
) -> None:
    of_table = f"the blocks {table.path}"
    of_vectors = f"the vectors {vectors.segment.path}"
    artifacts.require_same(
        "tokenizer", ("The tokenizer", tokenizer.fingerprint), (of_table, table.tokenizer)
    )
    artifacts.require_same(
        "blocks", (of_table, table.blocks), (of_vectors, vectors.segment.made_from["blocks"])
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
