# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The reader of the served model: from questions and texts of blocks to answers.

It holds no corpus, so it can be served apart from the retriever, and stays as it is when documents
are updated.
"""

from __future__ import annotations

import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf.evaluation import calibration as calibration_lib
from realm_tf.models import reader as reader_lib
from realm_tf.models import span_scoring
from realm_tf.models.inference import lean_reader
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib
from serving import answers, chunks, graph_packing, requests, spans

_SPANS_PER_BLOCK = 32  # candidates of a block, and of a question over all its blocks
_CANDIDATES = 160
_MAX_SCORE = 1e6  # with larger ones, float32 has no digits left for the reader's logit
_MOST_PAIRS = 64  # of question and block, read at a time; what the reader holds of one is large
_OPERATIONS = 1 << 34  # of one call of the encoder, about: its ops cost little beside them


class Reader(tf.Module):
    """Tokenizer and span reader as one graph, with what makes probabilities of its logits.

    Args:
      model: The fine-tuned reader; its weights are copied as they are now.
      tokenizer: Tokenizer of the reader.
      config: Configuration of the run: lengths, number type of the reader.
      calibration: What makes probabilities of logits.
    """

    def __init__(
        self,
        *,
        model: reader_lib.SpanReader,
        tokenizer: tokenizer_lib.Tokenizer,
        config: config_lib.Config,
        calibration: calibration_lib.Calibration,
    ):
        super().__init__(name="reader")
        self._config, self._calibration = config.open_qa, calibration
        self._tokenizer, self._text_to_ids = tokenizer, tokenizer.in_graph()
        self._reader = lean_reader.LeanSpanReader(model, dtype=config.evaluation.reader_dtype)
        self._span_width = model.config.max_span_width
        self._pairs_at_a_time = pairs_at_a_time(model.config.encoder, self._config.reader_length)

    def read(
        self,
        question: tf.Tensor,
        block_text: tf.Tensor,
        retrieval_score: tf.Tensor,
        num_answers: tf.Tensor,
        most: tf.Tensor | int | None = None,
    ) -> dict[str, tf.Tensor]:
        """Answers questions out of blocks.

        Args:
          question: Questions <string>[batch_size].
          block_text: Texts of the blocks to read, <string>[batch_size, num_blocks].
          retrieval_score: Their scores, <float32>[batch_size, num_blocks]; a block whose score is
            not within a million of 0, as `requests.NO_BLOCK` and NaN are not, is not read.
          num_answers: How many answers each question wants, <int32>[batch_size]; the nearest
            number that can be had is taken.
          most: Number of places for answers; by default the largest `num_answers`.

        Returns:
          `answer` <string>; `probability`, `score`, `retrieval_score` and `reader_score` <float32>;
          `block`, which of the blocks is the evidence, `answer_byte_start`, `answer_byte_limit`,
          `answer_char_start` and `answer_char_limit`, <int32>; each [batch_size, most],
          best first. And `no_evidence` <float32>[batch_size]. A place without an
          answer has `block` -1, probability 0, an empty text and `spans.NO_ANSWER`.
        """
        block_text, retrieval_score = (
            block_text[:, : requests.MAX_READ],
            retrieval_score[:, : requests.MAX_READ],
        )
        is_read = self.is_read(question, retrieval_score)
        found = self.candidates(question, block_text, retrieval_score)
        num_answers = requests.within(num_answers, 1, requests.MAX_ANSWERS)
        ranked, no_evidence, _ = self.rank(
            found,
            self._calibration.temperature,
            retrieval_score,
            is_read,
            tf.reduce_max(tf.concat([num_answers, [1]], 0)) if most is None else most,
        )
        wanted = tf.range(tf.shape(ranked.place)[1]) < num_answers[:, tf.newaxis]
        valid = wanted & (ranked.probability > 0)
        return {**_describe(found, ranked, valid, block_text), "no_evidence": no_evidence}

    def is_read(self, question: tf.Tensor, retrieval_score: tf.Tensor) -> tf.Tensor:
        """Which blocks are read, <bool>[batch_size, num_blocks]: none if nothing is asked."""
        there = tf.abs(retrieval_score) < _MAX_SCORE  # false of NaN, too
        return there & self._asks(question)[:, tf.newaxis]

    def _asks(self, question: tf.Tensor) -> tf.Tensor:
        """Whether a question holds a letter or digit, and a known wordpiece; <bool>[n]."""
        tokens = self._text_to_ids.tokenize(question)
        known = tf.reduce_any(tokens != self._tokenizer.unk_id, axis=-1)
        return known & requests.asks(question)

    def candidates(
        self,
        question: tf.Tensor,
        block_text: tf.Tensor,
        retrieval_score: tf.Tensor,
    ) -> answers.Candidates:
        """Reads blocks, and chooses their best spans.

        Args:
          question: Questions <string>[batch_size].
          block_text: Texts of the blocks, <string>[batch_size, num_blocks].
          retrieval_score: Their scores, <float32>[batch_size, num_blocks].
        """
        is_read = self.is_read(question, retrieval_score)
        tokens = self._text_to_ids.tokenize(question)
        tokens = tokens[:, : self._config.query_length - packing.QUERY_SPECIALS]
        pairs = by_length(tf.where(is_read), block_text)

        def read(number: tf.Tensor, text: tf.Tensor) -> list[tf.Tensor]:
            return self._read(tf.gather(tokens, number), text)

        numbers = tf.float32, tf.int32, tf.int32, tf.float32
        texts = tf.gather_nd(block_text, pairs)
        found = chunks.apply(read, [pairs[:, 0], texts], numbers, self._pairs_at_a_time)
        empty = (spans.NO_ANSWER, 0, 0, spans.NO_ANSWER)
        sizes = [_SPANS_PER_BLOCK] * 3 + [1]
        logit, start, limit, log_mass = (
            _spread(x, pairs, tf.shape(is_read), size, value)
            for x, size, value in zip(found, sizes, empty, strict=True)
        )
        scores = tf.where(is_read, retrieval_score, 0.0)[..., tf.newaxis]
        log_mass = tf.where(log_mass > spans.NO_ANSWER, log_mass + scores, spans.NO_ANSWER)
        mass = tf.reduce_logsumexp(log_mass, axis=[1, 2])
        return _best(logit, start, limit, scores, block_text, mass)

    def _read(self, queries: tf.RaggedTensor, texts: tf.Tensor) -> list[tf.Tensor]:
        """Reads pairs of question and block.

        Returns:
          Logit, byte start and byte limit of their best spans, each [num_pairs,
          _SPANS_PER_BLOCK], and the logarithm of the sum of exp(logit) over all spans,
          [num_pairs, 1].
        """
        length, width = self._config.reader_length, self._span_width
        bodies, starts, limits = self._text_to_ids.tokenize_with_offsets(texts)
        joint, body_start = graph_packing.pack_joint(queries, bodies, length, self._tokenizer)
        joint = graph_packing.trim(joint)
        mask = span_scoring.span_mask(graph_packing.body_mask(joint, body_start), width)
        logits = tf.where(mask, self._reader(joint), spans.NO_ANSWER)
        found = spans.best(logits, _SPANS_PER_BLOCK)
        valid = found.logit > spans.NO_ANSWER
        start, limit = _bytes(starts, limits, found, tf.cast(body_start, tf.int32), valid)
        log_mass = tf.reduce_logsumexp(logits, axis=[1, 2])
        return [found.logit, start, limit, log_mass[:, tf.newaxis]]

    def rank(
        self,
        found: answers.Candidates,
        temperature: tf.Tensor | float,
        retrieval_score: tf.Tensor,
        is_read: tf.Tensor,
        count: tf.Tensor | int,
    ) -> tuple[answers.Ranked, tf.Tensor, tf.Tensor]:
        """Ranks the distinct answers of candidates.

        Returns:
          The answers; the no-evidence probability <float32>[batch_size], 1 where there is no
          answer; and the features that it is computed from.
        """
        ranked = answers.rank(found, temperature, count)
        features = answers.features(found, ranked, retrieval_score, is_read)
        weights = tf.constant(self._calibration.weights, tf.float32)
        odds = tf.linalg.matvec(features, weights) + self._calibration.bias
        some = ranked.probability[:, 0] > 0
        return ranked, tf.where(some, tf.sigmoid(odds), 1.0), features


def pairs_at_a_time(encoder: config_lib.EncoderConfig, length: int) -> int:
    """How many pairs are read at a time: few, because each is padded to the longest of them."""
    of_layer = 2 * encoder.hidden_size * (2 * encoder.hidden_size + encoder.intermediate_size)
    operations = 2 * encoder.num_layers * of_layer * length
    return min(max(1, _OPERATIONS // operations), _MOST_PAIRS)


def by_length(pairs: tf.Tensor, block_text: tf.Tensor) -> tf.Tensor:
    """Orders pairs <int64>[n, 2] by the length of their text, so that little of it is padding."""
    lengths = tf.strings.length(tf.gather_nd(block_text, pairs))
    return tf.gather(pairs, tf.argsort(lengths, stable=True))


def _bytes(
    starts: tf.RaggedTensor,
    limits: tf.RaggedTensor,
    found: spans.Spans,
    body_start: tf.Tensor,
    valid: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where spans begin and end in the texts of their blocks, <int32>; 0 where not valid.

    One character may become two wordpieces, the first of which then has no bytes of its own: such
    a wordpiece ends where the next does that has some.
    """
    row_start = tf.cast(starts.row_starts(), tf.int32) - body_start
    first, last = (
        tf.where(valid, row_start[:, tf.newaxis] + x, -1) for x in (found.first, found.last)
    )
    start, limit = (tf.cast(x.flat_values, tf.int32) for x in (starts, limits))
    whole = tf.cast(tf.where(limit > start)[:, 0], tf.int32)
    ends = tf.searchsorted(whole, tf.range(tf.size(start)))
    ends = tf.gather(tf.concat([whole, [tf.size(start)]], 0), ends)
    limit = tf.gather(tf.concat([limit, [0]], 0), ends)
    # One more entry than there are wordpieces: what is read where there is no span.
    nothing = tf.size(start)
    return tuple(
        tf.gather(tf.concat([x, [0]], 0), tf.where(place < 0, nothing, place))
        for x, place in ((start, first), (limit, last))
    )


def _spread(
    values: tf.Tensor, pairs: tf.Tensor, shape: tf.Tensor, size: int, empty: float
) -> tf.Tensor:
    """Values [num_pairs, size] of the blocks that were read to [batch_size, num_blocks, size]."""
    whole = tf.fill(tf.concat([shape, [size]], 0), tf.cast(empty, values.dtype))
    return tf.tensor_scatter_nd_update(whole, pairs, values)


def _best(
    logit: tf.Tensor,
    start: tf.Tensor,
    limit: tf.Tensor,
    retrieval_score: tf.Tensor,
    block_text: tf.Tensor,
    log_mass: tf.Tensor,
) -> answers.Candidates:
    """The best candidates of a question over all its blocks.

    Args:
      logit: The reader's logits, <float32>[batch_size, num_blocks, _SPANS_PER_BLOCK].
      start: First bytes, <int32> of that shape.
      limit: Ends, <int32> of that shape.
      retrieval_score: <float32>[batch_size, num_blocks, 1].
      block_text: <string>[batch_size, num_blocks].
      log_mass: <float32>[batch_size].
    """
    score = tf.where(logit > spans.NO_ANSWER, logit + retrieval_score, spans.NO_ANSWER)
    flat = [tf.shape(logit)[0], tf.shape(logit)[1] * _SPANS_PER_BLOCK]
    count = tf.minimum(flat[1], _CANDIDATES)
    score, place = tf.math.top_k(tf.reshape(score, flat), count)
    logit, start, limit = (
        tf.gather(tf.reshape(x, flat), place, batch_dims=1) for x in (logit, start, limit)
    )
    slot = place // _SPANS_PER_BLOCK
    texts = tf.gather(block_text, slot, batch_dims=1)
    return answers.Candidates(
        score,
        reader_score=logit,
        retrieval_score=tf.gather(retrieval_score[..., 0], slot, batch_dims=1),
        slot=slot,
        byte_start=start,
        byte_limit=limit,
        text=tf.strings.substr(texts, start, limit - start, unit="BYTE"),
        log_mass=log_mass,
    )


def _describe(
    found: answers.Candidates, ranked: answers.Ranked, valid: tf.Tensor, block_text: tf.Tensor
) -> dict[str, tf.Tensor]:
    """What `Reader.read` returns of its answers, [batch_size, num_answers]."""
    names = [name for name in found._fields if name != "log_mass"]
    of = found._replace(
        **{name: tf.gather(getattr(found, name), ranked.place, batch_dims=1) for name in names}
    )
    start, limit = (tf.where(valid, x, 0) for x in (of.byte_start, of.byte_limit))
    texts = tf.gather(block_text, of.slot, batch_dims=1)
    before = tf.strings.substr(texts, tf.zeros_like(start), start, unit="BYTE")
    text = tf.where(valid, of.text, "")
    char_start = tf.strings.length(before, unit="UTF8_CHAR")
    no = spans.NO_ANSWER
    return {
        "answer": text,
        "probability": tf.where(valid, ranked.probability, 0.0),
        "score": tf.where(valid, of.score, no),
        "retrieval_score": tf.where(valid, of.retrieval_score, no),
        "reader_score": tf.where(valid, of.reader_score, no),
        "block": tf.where(valid, of.slot, -1),
        "answer_byte_start": start,
        "answer_byte_limit": limit,
        "answer_char_start": char_start,
        "answer_char_limit": char_start + tf.strings.length(text, unit="UTF8_CHAR"),
    }
