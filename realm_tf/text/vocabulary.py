# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""WordPiece vocabularies: learns, reads and checks them, and keeps them as "vocab" segments."""

from __future__ import annotations

import collections
import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

import tensorflow as tf
import tensorflow_text as tf_text
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib

from realm_tf import artifacts, types
from realm_tf.text.inputs import lines

KIND = "vocab"
FILE = "vocab.txt"
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_ASCII_SPACE = " \t\n\r\v\f"  # released vocabularies hold other spaces as wordpieces
_SAMPLE_BYTES = 100_000_000  # of text are enough to count words by, and fit in memory
_MAX_WORDS = 200_000
_MAX_WORD_LENGTH = 50
_BATCH_TEXTS = 4096

_logger = logging.getLogger(__name__)


def learn(texts: Iterable[str], *, size: int, lower_case: bool = True) -> list[str]:
    """Learns a WordPiece vocabulary; the same texts, in any order, give the same one.

    Of more than about 100 MB of text a sample is read, chosen by the hash of every text.

    Args:
      texts: Texts to learn the vocabulary from.
      size: Largest number of wordpieces, special tokens included. Few texts give fewer.
      lower_case: Whether words are lower-cased and stripped of accents first.

    Returns:
      Wordpieces: the special tokens, single characters, then the others by falling count.

    Raises:
      UserError: If the texts hold no words, or `size` is too small for the special tokens.
    """
    if size < 100:
        raise types.UserError(f"A vocabulary needs a size of at least 100. Received: {size}.")
    counts = _count_words(_sample(texts, _SAMPLE_BYTES), lower_case=lower_case)
    if not counts:
        raise types.UserError("A vocabulary cannot be learned: the texts hold no words.")
    _logger.info("Learning at most %d wordpieces from %d different words.", size, len(counts))
    vocab = wordpiece_tokenizer_learner_lib.learn(
        sorted(counts.items(), key=lambda item: (-item[1], item[0])),
        vocab_size=size,
        reserved_tokens=list(SPECIAL_TOKENS),
        # Of wordpieces more frequent than this there cannot be `size`: it would take all words.
        upper_thresh=max(2, 2 * sum(counts.values()) // size),
        lower_thresh=2,
        max_input_tokens=_MAX_WORDS,
        max_token_length=_MAX_WORD_LENGTH,
        max_unique_chars=_max_characters(size),
    )
    # The learner's search may end just above the size; the rarest come last, but characters
    # (which have no count of their own) must stay, or their words would become unknown.
    surplus = len(vocab) - size
    rarest = [t for t in reversed(vocab) if len(t.removeprefix("##")) > 1]
    dropped = set(rarest[: max(0, surplus)]) - set(SPECIAL_TOKENS)
    return [token for token in vocab if token not in dropped]


def split_words(texts: Sequence[str], *, lower_case: bool) -> Iterator[list[str]]:
    """The words of texts that a vocabulary is learned from, as FastBertTokenizer looks them up."""
    normalizer = tf_text.FastBertNormalizer(lower_case_nfd_strip_accents=lower_case)
    # With almost nothing in its vocabulary a tokenizer makes one unknown wordpiece of every word.
    splitter = tf_text.FastWordpieceTokenizer(vocab=["[UNK]", "a"])
    for first in range(0, len(texts), _BATCH_TEXTS):
        normal = normalizer.normalize(tf.constant(list(texts[first : first + _BATCH_TEXTS])))
        _, starts, limits = splitter.tokenize_with_offsets(normal)
        rows = zip(normal.numpy(), starts.to_list(), limits.to_list(), strict=True)
        for text, a, b in rows:
            yield [text[i:j].decode("utf-8") for i, j in zip(a, b, strict=True)]


def _max_characters(size: int) -> int:
    """How many characters may be in a vocabulary: a quarter of it, but at least an alphabet.

    Every character costs two wordpieces, itself and its "##" form.
    """
    return min(max(100, size // 8), (size - len(SPECIAL_TOKENS)) // 2)


def check(vocab: Sequence[str], name: str) -> None:
    """Checks that a list of wordpieces can be used as a vocabulary.

    Raises:
      UserError: If a special token is missing, or a token is empty, in white space or there twice.
    """
    missing = [token for token in SPECIAL_TOKENS if token not in vocab]
    if missing:
        raise types.UserError(
            f"{name} lacks {', '.join(missing)}. A BERT vocabulary holds one wordpiece a line,"
            f" among them {' '.join(SPECIAL_TOKENS)}."
        )
    line_of: dict[str, int] = {}
    for line, token in enumerate(vocab, 1):
        if not token or token != token.strip(_ASCII_SPACE):
            raise types.UserError(
                f"{name} has an empty wordpiece or outer space at line {line}. A line's number is"
                " its wordpiece's id: remove it only if no model was trained with it."
            )
        if line_of.setdefault(token, line) != line:
            raise types.UserError(
                f"{name} holds {token!r} at lines {line_of[token]} and {line}; wordpieces must be"
                " unique. Rename one of them, to [unused-...] for example, so that ids stay."
            )


def read(path: str) -> list[str]:
    """Reads a vocabulary file: UTF-8, one wordpiece a line, in the order of their ids.

    A byte order mark and the line ends of Windows are no part of a wordpiece.

    Raises:
      UserError: If it is missing, damaged, not UTF-8, or fails `check`.
    """
    vocab = [line for _, line in lines.read_lines(path)]
    check(vocab, path)
    return vocab


def write_segment(root: str, vocab: Sequence[str], *, lower_case: bool) -> artifacts.Segment:
    """Keeps a given vocabulary as a "vocab" segment under `root`.

    Raises:
      UserError: If it fails `check`.
    """
    check(vocab, "The vocabulary")
    sha = hashlib.sha256("\n".join(vocab).encode("utf-8")).hexdigest()
    settings, made_from = {"lower_case": lower_case}, {"vocab": sha}
    path = artifacts.recipe_path(root, KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    return _write(path, vocab, settings, made_from)


def learn_segment(
    root: str,
    texts: Iterable[str],
    *,
    size: int,
    lower_case: bool,
    made_from: Mapping[str, str],
) -> artifacts.Segment:
    """Learns a vocabulary and keeps it as a "vocab" segment, if it was not made before.

    Args:
      root: Directory of segments.
      texts: Texts to learn the vocabulary from; not read if the segment exists.
      size: Largest number of wordpieces, special tokens included.
      lower_case: Whether words are lower-cased and stripped of accents first.
      made_from: Fingerprints by role of what the texts are from, e.g. {"corpus": "3f..."}.

    Raises:
      UserError: If the texts hold no words, or `size` is too small for the special tokens.
    """
    settings = {"lower_case": lower_case, "size": size}
    path = artifacts.recipe_path(root, KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    return _write(path, learn(texts, size=size, lower_case=lower_case), settings, made_from)


def _write(
    path: str, vocab: Sequence[str], settings: Mapping[str, object], made_from: Mapping[str, str]
) -> artifacts.Segment:
    writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
    with (
        writer.file(FILE, num_records=len(vocab)) as aside,
        tf.io.gfile.GFile(aside, "wb") as f,
    ):
        f.write("".join(f"{token}\n" for token in vocab).encode("utf-8"))
    return writer.commit(wordpieces=len(vocab))


def _sample(texts: Iterable[str], max_bytes: int) -> list[str]:
    """Texts of at most `max_bytes` together; which ones does not depend on their order.

    A text stays if its hash is below a limit, which is halved whenever the texts that stay become
    too many.
    """
    kept: list[tuple[int, str]] = []
    limit, num_bytes = 1 << 64, 0
    for text in texts:
        key = int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest())
        if key < limit:
            kept.append((key, text))
            num_bytes += len(text)
        while num_bytes > max_bytes and len(kept) > 1:
            limit //= 2
            kept = [item for item in kept if item[0] < limit]
            num_bytes = sum(len(text) for _, text in kept)
    return [text for _, text in kept]


def _count_words(texts: Sequence[str], *, lower_case: bool) -> collections.Counter[str]:
    # Most words of a text are repeated: count what stands between white space first, and split at
    # punctuation, lower-case and so on only what differs.
    chunks: collections.Counter[str] = collections.Counter()
    for text in texts:
        chunks.update(text.split())
    words: collections.Counter[str] = collections.Counter()
    for chunk, parts in zip(chunks, split_words(list(chunks), lower_case=lower_case), strict=True):
        for part in parts:
            words[part] += chunks[chunk]
    return words
