# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""CoNLL files: their forms, and what is refused with file and line."""

import gzip

import pytest

from realm_tf import types
from realm_tf.data.tagging import conll

NEAT = "Ohrid\tB-city\tB-LOC\nlies\tO\tO\n\nKate\tB-painter\tB-PER\nSmith\tI-painter\tI-PER\n"


def write(path, text):
    data = text.encode("utf-8") if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def _tags(sentences):
    return [" ".join(sentence.tags) for sentence in sentences]


@pytest.mark.parametrize("name", ["a.conll", "a.conll.gz"])
def test_tabs_and_columns(tmp_path, name):
    file = write(tmp_path / name, NEAT)
    sentences = conll.read(file)
    assert [s.words for s in sentences] == [("Ohrid", "lies"), ("Kate", "Smith")]
    assert _tags(sentences) == ["B-LOC O", "B-PER I-PER"]
    assert _tags(conll.read(file, column=1)) == ["B-city O", "B-painter I-painter"]


def test_label_map(tmp_path):
    file = write(tmp_path / "a", NEAT)
    read = conll.read(file, column=1, label_map={"city": "PLACE", "painter": "O"})
    assert _tags(read) == ["B-PLACE O", "O O"]


def test_other_common_forms(tmp_path):
    text = (
        "\ufeff-DOCSTART- -X- -X- O\r\n\r\n"
        "# sent_id = 7\r\n# text = EU rejects\r\n"
        "EU NNP I-NP I-ORG\r\nrejects VBZ I-VP O\r\n\r\n\r\n"
        "# NN O O\r\n1 CD O I-MISC\r\n"
    )
    sentences = conll.read(write(tmp_path / "a.txt", text))
    assert [s.words for s in sentences] == [("EU", "rejects"), ("#", "1")]
    assert _tags(sentences) == ["B-ORG O", "O B-MISC"]  # IOB1


def test_words_may_be_any_text(tmp_path):
    sentences = conll.read(write(tmp_path / "a", "\u00a0\tO\n#\tO\nnew york\tB-LOC\n"))
    assert sentences[0].words == ("\u00a0", "#", "new york")


@pytest.mark.parametrize(
    "space", ["\u00a0", "\u2028", "\u2029", "\u3000", "\u202f", "\x85", "\x0b"]
)
@pytest.mark.parametrize("between", [" ", "  ", "\t"])
def test_only_ascii_spaces_and_tabs_divide_columns(tmp_path, space, between):
    rows = [(f"20{space}000", "X", "B-SUM"), (f"{space}well", "X", "O"), (space, "X", "O")]
    text = "".join(between.join(row) + "\n" for row in rows)
    (sentence,) = conll.read(write(tmp_path / "a", text))
    assert sentence == (tuple(row[0] for row in rows), ("B-SUM", "O", "O"))


@pytest.mark.parametrize("mark", ["-DOCSTART- -X- -X- O", "-DOCSTART-\tO", "-DOCSTART- (12) O"])
@pytest.mark.parametrize("blank", ["", "\n"])
def test_a_document_begins_a_sentence(tmp_path, mark, blank):
    text = f"{mark}\nAnn B-PER\nMoor I-PER\n{blank}{mark}\nMoor I-PER\n{mark}\n"
    sentences = conll.read(write(tmp_path / "a", text))
    assert [s.words for s in sentences] == [("Ann", "Moor"), ("Moor",)]
    assert _tags(sentences) == ["B-PER I-PER", "B-PER"]


@pytest.mark.parametrize("last_and_only", ["ES", "LU", "EW"])
def test_other_schemes(tmp_path, last_and_only):
    last, only = last_and_only
    tags = f"B-PER I-PER {last}-PER {only}-PER {only}-LOC O B-LOC {last}-LOC {last}-LOC I-LOC"
    text = "".join(f"x {tag}\n" for tag in tags.split())
    expected = "B-PER I-PER I-PER B-PER B-LOC O B-LOC I-LOC B-LOC B-LOC"
    assert _tags(conll.read(write(tmp_path / "a", text))) == [expected]
    mapped = conll.read(write(tmp_path / "b", text), label_map={"PER": "O", "LOC": "GPE"})
    assert _tags(mapped) == ["O O O O B-GPE O B-GPE I-GPE B-GPE B-GPE"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Ohrid\tB-LOC\nlies\n", "a:2: a word and its tags are needed"),
        ("Ohrid\tLOC\n", "a:1: the tag of a word is O, B-label or I-label (or one of BIOES,"),
        ("Ohrid\tLOC\n", "Received: 'LOC'. If the tags are in another column, set span_tagger"),
        ("Ohrid\tLOC\n", "if they are labels alone, write I- before them."),
        ("Ohrid\tX-LOC\n", "Received: 'X-LOC'"),
        ("Ohrid\tBI-LOC\n", "Received: 'BI-LOC'"),
        ("Ohrid\tB-\n", "Received: 'B-'"),
        ("\n\n", "has no labelled sentence"),
        (b"Ohrid\xff\tO\n", "not UTF-8"),
    ],
)
def test_refusals_name_the_place(tmp_path, text, message):
    with pytest.raises(types.UserError) as error:
        conll.read(write(tmp_path / "a", text))
    assert message in str(error.value)


def test_missing_column_is_refused(tmp_path):
    with pytest.raises(types.UserError, match="a tag in column 3"):
        conll.read(write(tmp_path / "a", NEAT), column=3)


def test_damaged_gzip_and_missing_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(NEAT.encode())[:-9])
    with pytest.raises(types.UserError, match=r"a\.gz: the compressed data end in the middle"):
        conll.read(str(path))
    with pytest.raises(types.UserError, match="No such file"):
        conll.read(str(tmp_path / "nowhere"))


def test_fingerprint_is_of_contents_in_their_order(tmp_path):
    b, a = write(tmp_path / "b.conll", NEAT), write(tmp_path / "a.conll", NEAT + "\nx\tO\n")
    assert len({conll.fingerprint(files) for files in ([a, b], [b, a], [a, b, b])}) == 3
    (tmp_path / "c").write_bytes((tmp_path / "a.conll").read_bytes())
    assert conll.fingerprint([str(tmp_path / "c"), b]) == conll.fingerprint([a, b])
