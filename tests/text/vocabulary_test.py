# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A vocabulary is learned the same way every time, and read as it was written."""

import random

import pytest

from realm_tf import artifacts, types
from realm_tf.text import tokenizer, vocabulary
from tests.text import vocabularies

TEXTS = [
    f"The rivers of region {number} flow, riverbanks flooding; Überflow's café [MASK] 北京 {word}."
    for number in range(40)
    for word in ("banking", "banker", "flooded")
]


@pytest.fixture(scope="module")
def learned() -> list[str]:
    return vocabulary.learn(TEXTS, size=150)


def test_special_tokens_come_first_and_size_is_the_most(learned):
    assert tuple(learned[:5]) == vocabulary.SPECIAL_TOKENS
    assert learned.index("[PAD]") == 0
    assert len(set(learned)) == len(learned) <= 150


def test_order_of_texts_does_not_matter(learned):
    assert vocabulary.learn(random.Random(1).sample(TEXTS, len(TEXTS)), size=150) == learned


def test_learned_vocabulary_tokenizes_what_it_was_learned_from(learned):
    tokens = tokenizer.Tokenizer(learned)
    ids = {i for text in tokens.encode(TEXTS) for i in text.ids.tolist()}
    assert tokens.unk_id not in ids
    assert learned.index("rivers") in ids or learned.index("river") in ids


def test_size_is_kept_however_many_characters_there_are():
    texts = ["".join(map(chr, range(0x5000 + i, 0x5040 + i))) for i in range(0, 3000, 7)]
    assert len(vocabulary.learn([*texts, *TEXTS], size=120)) <= 120


def test_case_is_kept_when_asked():
    cased = vocabulary.learn(TEXTS, size=150, lower_case=False)
    assert "T" in cased
    assert "T" not in vocabulary.learn(TEXTS, size=150)


def test_sample_has_bounded_size_and_does_not_depend_on_order():
    texts = [f"text number {i}" for i in range(1000)]
    kept = vocabulary._sample(texts, 2000)
    assert 500 < sum(map(len, kept)) <= 2000
    assert sorted(vocabulary._sample(texts[::-1], 2000)) == sorted(kept)
    assert vocabulary._sample(texts, 10**6) == texts


@pytest.mark.parametrize(
    ("texts", "size", "message"),
    [([], 200, "no words"), (["\u200b "], 200, "no words"), (["a"], 9, "size")],
)
def test_nothing_to_learn_from(texts, size, message):
    with pytest.raises(types.UserError, match=message):
        vocabulary.learn(texts, size=size)


def write(path, lines, end="\n") -> str:
    path.write_bytes("".join(line + end for line in lines).encode())
    return str(path)


def test_read_is_the_inverse_of_write(tmp_path):
    vocab = [*vocabularies.small(), "é", "a\u2028b"]  # only \n ends a line
    segment = vocabulary.write_segment(str(tmp_path), vocab, lower_case=True)
    assert vocabulary.read(segment.file("vocab.txt")) == vocab
    assert segment.counts == {"wordpieces": len(vocab)}
    assert vocabulary.read(write(tmp_path / "windows.txt", vocab, "\r\n")) == vocab
    (tmp_path / "marked.txt").write_bytes(b"\xef\xbb\xbf" + "\n".join(vocab).encode())
    assert vocabulary.read(str(tmp_path / "marked.txt")) == vocab


def test_other_spaces_are_wordpieces_as_in_released_vocabularies(tmp_path):
    vocab = [*vocabularies.small(), "\u3000", "\u2028", "##\u2009"]
    path = write(tmp_path / "v.txt", vocab)
    assert vocabulary.read(path) == vocab
    tokens = tokenizer.Tokenizer(vocabulary.read(path))
    assert tokens.encode(["new\u3000york"])[0].ids.tolist() == [
        vocab.index("new"),
        vocab.index("york"),
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"], r"lacks \[MASK\]"),
        (["<pad>", "<s>", "a"], r"lacks \[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\]"),
        ([*vocabulary.SPECIAL_TOKENS, "a", "", "b"], "empty wordpiece.* line 7"),
        ([*vocabulary.SPECIAL_TOKENS, "a", "b", ""], "empty wordpiece.* line 8"),
        ([*vocabulary.SPECIAL_TOKENS, "a ", "b"], "outer space at line 6"),
        ([*vocabulary.SPECIAL_TOKENS, "a", "b", "a"], "'a' at lines 6 and 8"),
    ],
)
def test_unusable_files_are_refused_by_name(tmp_path, lines, message):
    path = write(tmp_path / "v.txt", lines)
    with pytest.raises(types.UserError, match=message) as error:
        vocabulary.read(path)
    assert path in str(error.value)


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(types.UserError, match=r"nowhere\.txt"):
        vocabulary.read(str(tmp_path / "nowhere.txt"))
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(types.UserError, match="UTF-8"):
        vocabulary.read(str(tmp_path / "binary.txt"))


def test_learn_segment_does_not_read_texts_again(tmp_path):
    kept = {"size": 150, "lower_case": True, "made_from": {"corpus": "abc"}}
    first = vocabulary.learn_segment(str(tmp_path), TEXTS, **kept)

    def unread():
        raise RuntimeError("read again")
        yield

    again = vocabulary.learn_segment(str(tmp_path), unread(), **kept)
    assert again == first
    assert first.made_from == {"corpus": "abc"}


def test_same_fingerprint_under_another_root(tmp_path):
    first, second = (
        vocabulary.write_segment(str(tmp_path / root), vocabularies.small(), lower_case=True)
        for root in "ab"
    )
    assert first.fingerprint == second.fingerprint


def test_flipped_byte_is_refused(tmp_path):
    segment = vocabulary.write_segment(str(tmp_path), vocabularies.small(), lower_case=True)
    data = bytearray((tmp_path / segment.path / "vocab.txt").read_bytes())
    data[-2] ^= 1
    (tmp_path / segment.path / "vocab.txt").write_bytes(data)
    with pytest.raises(types.UserError, match="damaged"):
        artifacts.open_segment(segment.path)
