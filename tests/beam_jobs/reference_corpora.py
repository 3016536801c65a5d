# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small corpora in the formats of the original code, written as that code writes them.

The released files (gs://realm-data, gs://orqa-data) cannot be fetched here. Names of files and
features, compression and types are those of google-research/language: generate_retrieval_corpus.py
and example_generator.py of realm/, wiki_preprocessor.py and preprocess_wiki_extractor.py of orqa/.
"""

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tests.text import vocabularies

# (title, text) of ready blocks; one is there twice, one has no wordpieces.
BLOCKS = (
    ("New York", "The city of New York was new. Louis was born in the city in 1916."),
    ("Warsaw", "Warsaw was in the war. It was a river city."),
    ("Warsaw", "The university of Warsaw was born in May 1816."),
    ("", " "),
    ("Warsaw", "Warsaw was in the war. It was a river city."),
    ("Chicago", "Café né in Chicago. " * 12),
)


def example(**features: Any) -> bytes:
    """A serialized tf.train.Example of texts, bytes or lists of integers, as they are given."""
    made = tf.train.Example()
    for name, value in features.items():
        if isinstance(value, str | bytes):
            data = value.encode() if isinstance(value, str) else value
            made.features.feature[name].bytes_list.value.append(data)
        elif value and isinstance(value[0], bytes):
            made.features.feature[name].bytes_list.value.extend(value)
        else:
            made.features.feature[name].int64_list.value.extend(value)
    return made.SerializeToString()


def ids(text: str) -> list[int]:
    (encoded,) = vocabularies.tokenizer().encode([text])
    return encoded.ids.tolist()


def write(path: pathlib.Path, records: Iterable[bytes], *, compress: bool = False) -> str:
    """Writes a TFRecord file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = tf.io.TFRecordOptions("GZIP" if compress else "")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def realm_block(title: str, body: str, /, **changes: Any) -> bytes:
    """A record of the retrieval corpus, with the features of tokens that nobody needs, too."""
    features = {"title": title, "body": body}
    for name, text in (("title", title), ("body", body)):
        token_ids = ids(text)
        features[f"{name}_token_texts"] = [b"x"] * len(token_ids)
        features[f"{name}_token_starts"] = [-1] * len(token_ids)
        features[f"{name}_token_stops"] = [-1] * len(token_ids)
        features[f"{name}_token_ids"] = token_ids
    return example(**{k: v for k, v in {**features, **changes}.items() if v is not None})


def write_realm_blocks(
    root: pathlib.Path, made: Sequence[tuple[str, str]] = BLOCKS, *, num_files: int = 2
) -> str:
    """Writes a retrieval corpus; returns its pattern."""
    per_file = -(-len(made) // num_files)
    for i in range(num_files):
        part = made[i * per_file : (i + 1) * per_file]
        name = f"docs.small.tfr.gz-{i:05d}-of-{num_files:05d}"
        write(root / name, [realm_block(*block) for block in part], compress=True)
    return str(root / "docs.small.tfr.gz-*-of-*")


def write_orqa(
    root: pathlib.Path, made: Sequence[tuple[str, str]] = BLOCKS, *, examples: bool = True
) -> str:
    """Writes blocks.tfr, titles.tfr and examples.tfr; returns the path of the blocks."""
    write(root / "titles.tfr", [title.encode() for title, _ in made])
    if examples:
        records = [
            example(title_ids=ids(title), token_ids=ids(text), sentence_starts=[0])
            for title, text in made
        ]
        write(root / "examples.tfr", records)
    return write(root / "blocks.tfr", [text.encode() for _, text in made])


def passage(title: str, text: str, spans: Iterable[str], /, **changes: Any) -> bytes:
    """A record of the pre-training corpus; sentences end at ". ", and spans are words."""
    data = text.encode()
    starts, place = [], 0
    for sentence in text.split(". "):
        starts.append(place)
        place += len(f"{sentence}. ".encode())
    places = [(data.index(s.encode()), data.index(s.encode()) + len(s.encode())) for s in spans]
    features: Mapping[str, Any] = {
        "title": title,
        "text": text,
        "sentence_byte_start": starts,
        "sentence_byte_limit": [*(start - 1 for start in starts[1:]), len(data)],
        "span_byte_start": [start for start, _ in places],
        "span_byte_limit": [limit for _, limit in places],
    }
    return example(**{k: v for k, v in {**features, **changes}.items() if v is not None})


def write_pretrain(root: pathlib.Path, records: Iterable[bytes]) -> str:
    """Writes a pre-training corpus of one file; returns its pattern."""
    name = "wikipedia_annotated_with_dates_public-00000-of-00001.tfrecord.gz"
    write(root / name, records, compress=True)
    return str(root / "wikipedia_annotated_with_dates_public*.tfrecord.gz")
