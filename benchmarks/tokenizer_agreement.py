# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares our wordpieces with those of an independent BERT tokenizer, text by text.

    python benchmarks/tokenizer_agreement.py VOCAB.txt [CORPUS.jsonl.gz ...] [--cased]
    python benchmarks/tokenizer_agreement.py --write tests/text/tokenizer_reference.json

The first form reads the texts of corpora (JSON Lines) and a fuzz set, and prints how many have the
same ids, the differences by class, and what the byte offsets slice out of the texts. The second
writes the small set of our own strings that the tests compare with.

The reference is the pure-Python tokenizer of Hugging Face's `transformers` (`pip install
transformers==4.40.2`, which realm-tf does not need); `--reference tokenizers` takes their Rust one.
"""

# ruff: noqa: RUF001

from __future__ import annotations

import argparse
import collections
import gzip
import importlib.util
import json
import pathlib
import random
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary

Reference = Callable[[str], list[int]]

_BATCH = 512
_WORD = re.compile(r"[^ \n\t\r]+")  # what stands between white space is tokenized on its own
_MAX_BYTES = 100  # of a word, in TF.Text; in BERT 100 or 200 characters

# Kind of fuzz -> ranges of code points that its words mix with ASCII letters.
FUZZ: dict[str, Sequence[tuple[int, int]]] = {
    "accents": [(0xC0, 0xDE), (0xE0, 0xFF), (0x100, 0x131), (0x134, 0x148), (0x14A, 0x17E)],
    "cjk": [(0x4E00, 0x9FFF), (0x3040, 0x30FF), (0xAC00, 0xD7A3), (0x20000, 0x2A6D0)],
    "emoji": [(0x1F600, 0x1F64F), (0x1F300, 0x1F5FF), (0x2600, 0x26FF), (0xFE0F, 0xFE0F)],
    "control characters": [(0x0, 0x1F), (0x7F, 0x9F)],
    "zero width": [(0x200B, 0x200F), (0x2060, 0x2064), (0xFEFF, 0xFEFF), (0xAD, 0xAD)],
    "combining marks": [(0x300, 0x36F), (0x1AB0, 0x1ABD), (0x20D0, 0x20DC)],
    "full width": [(0xFF01, 0xFF5E)],
    "ligatures": [(0xFB00, 0xFB06), (0x132, 0x133), (0x1C4, 0x1CC), (0xE6, 0xE6), (0x153, 0x153)],
    "sharp s and sigma": [(0xDF, 0xDF), (0x1E9E, 0x1E9E), (0x3C2, 0x3C3), (0x3A3, 0x3A3)],
    "greek, cyrillic, arabic": [(0x391, 0x3C9), (0x410, 0x44F), (0x621, 0x64A), (0x5D0, 0x5EA)],
    "indic and thai": [(0x904, 0x939), (0xE01, 0xE3A), (0xB85, 0xBB9)],
    "punctuation and symbols": [(0x21, 0x2F), (0x2010, 0x2027), (0x20A0, 0x20BF), (0x2190, 0x21FF)],
    "very long words": [(0x61, 0x7A)],
    "very long words, cyrillic": [(0x430, 0x44F)],
}

# Our own strings, for the tests: at least one for every class of character.
STRINGS = (
    "Lake Ohrid lies in the city; it was deep, clear and old.",
    "  tabs\tand\nlines\r\n  and no-break\u00a0spaces\u3000",
    "don't stop-words, e.g. U.S.A. (1999) [sic] {x} <y> $5 50% a_b #c @d ^e ~f `g`",
    "Café Zürich, São Paulo, Łódź, Ångström, naïve façade, Ünïcödé, İstanbul",
    "e\u0301 a\u0308 combining n\u0303; Viet Nam: Việt Nam, Đà Nẵng",
    "京都 東京都 汶川 and 北京abc大学 カタカナ ひらがな 한국어",
    "Αθήνα Ελλάδα Москва Київ ירושלים القاهرة हिन्दी ไทย",
    "smile 😀 flag 🇩🇪 family 👩‍👩‍👧 heart ❤️ end",
    "dash – and — and … “quoted” ‘single’ «guillemets» § ¶ † • ™ © ® ° ±",
    "antidisestablishmentarianism " + "a" * 99 + " " + "b" * 100 + " " + "c" * 250,
    "[SEPARATE] [MASKED] ##ing ## # mid##dle",
    "42nd 3.14159 1,000,000 2008-05-12 12:30 5×7 10² ½ Ⅷ",
    "œuvre Æsop ﬁne ǆ ĳ ſoft",
    "Straße GROẞ Ὀδυσσεύς ΣΊΣΥΦΟΣ",
    "ＦＵＬＬ　ｗｉｄｔｈ １２３",
    "bell\x07 soft\u00adhyphen zero\u200bwidth joiner\u200d mark\ufeff del\x7f",
    "replacement \ufffd private \ue000 word\ufffdword",
    "",
    " \t\n ",
)


def transformers_basic(*, lower_case: bool) -> Callable[[str], list[str]]:
    """The words that Hugging Face's Python tokenizer looks up wordpieces of."""
    from transformers.models.bert import tokenization_bert as lib

    return lib.BasicTokenizer(do_lower_case=lower_case, never_split=[]).tokenize


def transformers_reference(vocab: Sequence[str], *, lower_case: bool) -> Reference:
    """Hugging Face's Python tokenizer; special tokens in a text are not special."""
    from transformers.models.bert import tokenization_bert as lib

    ids = {piece: i for i, piece in enumerate(vocab)}
    basic = transformers_basic(lower_case=lower_case)
    pieces = lib.WordpieceTokenizer(vocab=ids, unk_token="[UNK]")
    return lambda text: [ids[p] for w in basic(text) for p in pieces.tokenize(w)]


def tokenizers_reference(vocab: Sequence[str], *, lower_case: bool) -> Reference:
    """Hugging Face's Rust tokenizer; special tokens in a text *are* special there."""
    import tokenizers

    ids = {piece: i for i, piece in enumerate(vocab)}
    made = tokenizers.BertWordPieceTokenizer(vocab=ids, lowercase=lower_case)
    return lambda text: made.encode(text, add_special_tokens=False).ids


REFERENCES = {"transformers": transformers_reference, "tokenizers": tokenizers_reference}


def read_texts(path: str) -> Iterator[str]:
    """Titles and texts of a JSON Lines corpus, as texts of their own."""
    with gzip.open(path, "rt", encoding="utf-8") as f:
        for record in map(json.loads, f):
            yield from (record[key] for key in ("title", "text") if record.get(key))


def fuzz(kind: str, count: int, seed: int) -> Iterator[str]:
    """Random texts of a kind, the same for the same seed."""
    rng = random.Random(f"{kind} {seed}")
    characters = [chr(c) for first, last in FUZZ[kind] for c in range(first, last + 1)]
    longest = 300 if kind.startswith("very long") else 8
    for _ in range(count):
        words = []
        for _ in range(rng.randint(1, 12)):
            share = rng.choice((0.1, 0.5, 1.0))
            length = rng.randint(1, longest)
            words.append(
                "".join(
                    rng.choice(characters) if rng.random() < share else rng.choice("abeinoprstAZ")
                    for _ in range(length)
                )
            )
        yield " ".join(words)


def is_folded(c: str) -> bool:
    """Whether TF.Text folds a character more than BERT does; sigma's form depends on its place."""
    # Two fillers of Hangul fold to nothing.
    return c in "Σς\u115f\u1160" or simple_fold(c) != full_fold(c)


def _category_in(*categories: str) -> Callable[[str], bool]:
    return lambda c: unicodedata.category(c) in categories


def classes(*, lower_case: bool) -> dict[str, Callable[[str], bool]]:
    """Class of characters -> whether a character is in it."""
    case = (
        {"NFKC case folding": is_folded}
        if lower_case
        # Hugging Face's: BERT's own tokenizer does not compose.
        else {"NFC by the reference": lambda c: unicodedata.normalize("NFC", f"a{c}") != f"a{c}"}
    )
    return {
        "control character (Cc)": _category_in("Cc"),
        # Hugging Face drops them, BERT's own tokenizer does not.
        "private use or unassigned (Co, Cn)": _category_in("Co", "Cn"),
        "U+FFFD": lambda c: c == "\ufffd",
        **case,
        "format character (Cf)": _category_in("Cf"),
    }


def simple_fold(text: str) -> str:
    """What BERT does to an uncased text: lower case, NFD, no accents."""
    text = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in text if unicodedata.category(c) != "Mn")


def full_fold(text: str) -> str:
    """What TF.Text does: Unicode's NFKC_Casefold, then NFD, no accents."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = unicodedata.normalize("NFD", text)
    return "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Cf"))


class Agreement:
    """Counts over many texts.

    Args:
      tokenizer: Ours.
      reference: The other.
    """

    def __init__(self, tokenizer: tokenizer_lib.Tokenizer, reference: Reference):
        self._tokenizer, self._reference = tokenizer, reference
        self._known = classes(lower_case=tokenizer.lower_case)
        self.counts: collections.Counter[str] = collections.Counter()
        self.classes: collections.Counter[str] = collections.Counter()
        self.examples: dict[str, list[str]] = collections.defaultdict(list)

    def add(self, texts: Sequence[str]) -> None:
        """Compares a batch of texts."""
        different = []
        for text, ours in zip(texts, self._tokenizer.encode(texts), strict=True):
            theirs = self._reference(text)
            same = ours.ids.tolist() == theirs
            self.counts.update(texts=1, same=int(same), tokens=len(theirs))
            self.counts["non_ascii_texts"] += not text.isascii()
            self.counts["same_non_ascii"] += int(same and not text.isascii())
            self._check_offsets(text, ours)
            if not same:
                different.append(text)
        for text in different:
            self._classify(text)

    def _classify(self, text: str) -> None:
        """Counts the words, between white space, that differ, by what makes them differ."""
        before = self.classes.total()
        for word in _WORD.findall(text):
            if not self._is_same(word):
                self._count(self._class_of(word), word)
        if self.classes.total() == before:
            self._count("not one word alone", text)

    def _is_same(self, text: str) -> bool:
        return self._tokenizer.encode([text])[0].ids.tolist() == self._reference(text)

    def _class_of(self, word: str) -> str:
        """The first class of characters without which the word is the same."""
        if len(word.encode()) > _MAX_BYTES:
            return "more than 100 bytes"
        rest = word
        for name, belongs in self._known.items():
            without = "".join(c for c in word if not belongs(c))
            if without != word and self._is_same(without):
                return name
            rest = "".join(c for c in rest if not belongs(c))
        return "several of these" if self._is_same(rest) else "other"

    def _count(self, name: str, example: str) -> None:
        self.classes[name] += 1
        self.examples[name].append(example)

    def _check_offsets(self, text: str, ours: tokenizer_lib.TokenizedText) -> None:
        data = text.encode()
        places = list(zip(*(a.tolist() for a in ours), strict=True))
        for number, (piece_id, start, limit) in enumerate(places):
            piece = self._tokenizer.vocab[piece_id]
            piece = piece.removeprefix("##") if number and piece != "##" else piece
            wide = data[:start].decode()[-1:] + data[start:].decode()[: limit - start + 1]
            kind = self._slice_kind(piece, data[start:limit].decode(), wide)
            self.counts["offsets_" + kind] += 1

    def _slice_kind(self, piece: str, sliced: str, wide: str) -> str:
        """How a wordpiece's slice of the text, or the slice with its neighbours, gives it."""
        folds = (simple_fold, full_fold) if self._tokenizer.lower_case else (str, str)
        if piece == "[UNK]":
            return "of_unknown" if sliced else "wrong"
        if piece == folds[0](sliced):
            return "exact"
        cleaned = "".join(c for c in sliced if unicodedata.category(c) not in ("Cc", "Cf", "Co"))
        if piece in (folds[0](cleaned), folds[1](cleaned)):
            return "by_full_folding"
        # One character may be two wordpieces, or end in one and begin the next ("ß" is "ss").
        return "border_in_character" if piece in folds[1](wide) else "wrong"

    def report(self, name: str) -> None:
        """Prints the counts."""
        kept = {k: v for k, v in sorted(self.counts.items()) if v}
        print(f"{name}: {self.counts['same']} of {self.counts['texts']} the same; {kept}")
        for kind, count in self.classes.most_common():
            shown = collections.Counter(self.examples[kind]).most_common(4)
            print(f"    {count:6} words: {kind}, e.g. {[c[:40] for c, _ in shown]}")


def compare(
    tokenizer: tokenizer_lib.Tokenizer, reference: Reference, name: str, texts: Iterable[str]
) -> None:
    """Compares all texts, and prints."""
    agreement, batch = Agreement(tokenizer, reference), []
    for text in texts:
        batch.append(text)
        if len(batch) == _BATCH:
            agreement.add(batch)
            batch = []
    agreement.add(batch)
    agreement.report(name)


def compare_code_points(basic: Callable[[str], list[str]], *, lower_case: bool) -> None:
    """Compares the words before wordpieces, of every code point between two letters."""
    counts: collections.Counter[str] = collections.Counter()
    known = classes(lower_case=lower_case)
    points = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    texts = [f"a{c}b" for c in points]
    words = vocabulary.split_words(texts, lower_case=lower_case)
    for c, text, ours in zip(points, texts, words, strict=True):
        if ours != basic(text):
            names = (name for name, belongs in known.items() if belongs(c))
            counts[next(names, f"other ({unicodedata.category(c)})")] += 1
    print(f"code points: {len(points) - counts.total()} of {len(points)} the same")
    for name, count in counts.most_common():
        print(f"    {count:6} code points: {name}")


def own_vocabulary() -> list[str]:
    """A vocabulary that knows every character of `STRINGS`, in both cases, but for some."""
    unknown = set("汶ไ☃😀")
    folded = "".join(STRINGS) + "".join(full_fold(s) for s in STRINGS)
    folded += "".join(simple_fold(s) for s in STRINGS)
    characters = sorted({c for c in folded if not c.isspace()} - unknown)
    words = ("the", "city", "lake", "in", "and", "##ing", "cafe", "##fe", "zur", "##ich", "Lake")
    pieces = [*characters, *(f"##{c}" for c in characters), *words]
    return [*vocabulary.SPECIAL_TOKENS, *dict.fromkeys(pieces)]


def write_reference(path: str, make: Callable[..., Reference]) -> None:
    """Writes vocabulary, strings and the reference's ids as JSON."""
    vocab = own_vocabulary()
    cases = {}
    for lower_case in (True, False):
        reference = make(vocab, lower_case=lower_case)
        name = "uncased" if lower_case else "cased"
        cases[name] = [{"text": text, "ids": reference(text)} for text in STRINGS]
    body = {"vocab": vocab, **cases}
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    pathlib.Path(path).write_text(text.replace('{"text"', '\n{"text"') + "\n", encoding="utf-8")


def main() -> None:
    """Parses the arguments, and compares or writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("vocab", nargs="?", help="WordPiece vocabulary file")
    parser.add_argument("corpora", nargs="*", help="JSON Lines, gzipped")
    parser.add_argument("--cased", action="store_true", help="keep case and accents")
    parser.add_argument("--fuzz", type=int, default=1000, help="fuzz texts of every kind")
    parser.add_argument("--seed", type=int, default=0, help="of the fuzz texts")
    parser.add_argument("--reference", choices=REFERENCES, default="transformers")
    parser.add_argument("--write", metavar="JSON", help="write the tests' set instead")
    args = parser.parse_args()
    if importlib.util.find_spec(args.reference) is None:
        parser.error(f"{args.reference} is not installed: pip install {args.reference}")
    make = REFERENCES[args.reference]
    if args.write:
        write_reference(args.write, make)
        return
    if args.vocab is None:
        parser.error("a vocabulary file is needed")
    vocab = vocabulary.read(args.vocab)
    tokenizer = tokenizer_lib.Tokenizer(vocab, lower_case=not args.cased)
    reference = make(vocab, lower_case=not args.cased)
    for path in args.corpora:
        compare(tokenizer, reference, path, read_texts(path))
    if args.reference == "transformers":
        basic = transformers_basic(lower_case=not args.cased)
        compare_code_points(basic, lower_case=not args.cased)
    for kind in FUZZ:
        compare(tokenizer, reference, f"fuzz, {kind}", fuzz(kind, args.fuzz, args.seed))


if __name__ == "__main__":
    main()
