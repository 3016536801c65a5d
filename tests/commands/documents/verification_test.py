# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is left of a deleted document is found in every kind of file, and nothing else is named."""

import bz2
import csv
import gzip
import html
import io
import json
import lzma
import pathlib
import zipfile

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from pyarrow import parquet
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from realm_tf import types
from realm_tf.commands.documents import compaction, purging, verification
from realm_tf.data.blocks import keys
from realm_tf.retrieval import vectors
from tests.beam_jobs import changing_documents, copied

record = changing_documents.record
CANARY = record(
    7,
    'The "yellow" canary of Zürich sang 1871 songs of rivers in New York for the University.',
    note="A remark that nobody else has made of this canary in Chicago.",
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    return changing_documents.publish(root, [CANARY, *(record(n) for n in range(20, 26))])


@pytest.fixture
def system(published, tmp_path):
    return copied.to(published, tmp_path)


@pytest.fixture(scope="module")
def canary(published):
    """Text, wordpieces and vector of a block of the canary."""
    view = published.view()
    rows = view.rows_of(np.array([keys.doc_key("doc-7")], np.uint64))
    row = max(rows.tolist(), key=lambda row: len(view.table.token_ids(row)))
    assert len(view.table.token_ids(row)) >= 24
    return view.table.text(row), view.table.token_ids(row), view.vectors.gather(np.array(row))


@pytest.fixture(scope="module")
def clean(published, tmp_path_factory):
    """A system without the canary, of which nothing else is left."""
    system = copied.to(published, tmp_path_factory.mktemp("clean"))
    (system.root / "segments" / "corpus.jsonl").unlink()
    system.change("delete", ["doc-7"])
    compaction.compact(system.target())
    purging.purge(system.target())
    return system


def found_in(system, below=()) -> dict[str, set[str]]:
    report = verification.verify(system.target(), ["doc-7"], below)
    assert report.files > 3
    return {pathlib.Path(path).name: set(kinds) for path, kinds in report.found.items()}


def test_what_holds_it_is_named_until_it_is_purged(system):
    corpus = str(system.root / "segments" / "corpus.jsonl")
    with pytest.raises(types.UserError, match="'doc-7': the snapshot has a document with this id"):
        found_in(system)
    system.change("delete", ["doc-7"])
    before = found_in(system, [corpus])
    assert before["corpus.jsonl"] == {"text"}
    assert {"text", "wordpieces"} in before.values()
    assert {"vectors"} in before.values()
    compaction.compact(system.target())
    assert found_in(system, [corpus]) == before  # the older snapshots have it still
    purging.purge(system.target())
    assert found_in(system) == {}
    assert found_in(system, [corpus]) == {"corpus.jsonl": {"text"}}


def test_documents_that_were_not_deleted_are_refused(clean):
    with pytest.raises(types.UserError, match="'nobody': no deletion of a document with this id"):
        verification.verify(clean.target(), ["nobody"])
    with pytest.raises(types.UserError, match="No such file or directory"):
        verification.verify(clean.target(), ["doc-7"], ["/nowhere"])


def write_records(path, *records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for one in records:
            writer.write(one)


def example(**features):
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def request(text):
    """A request as an export is warmed up with."""
    tensor = tf.make_tensor_proto(np.array([text.encode()], object))
    made = predict_pb2.PredictRequest(inputs={"questions": tensor})
    log = prediction_log_pb2.PredictLog(request=made)
    return prediction_log_pb2.PredictionLog(predict_log=log).SerializeToString()


def write_csv(path, text):
    with open(path, "w", newline="") as f:
        csv.writer(f).writerow(["answer", text, "1"])


def write_variable(path, value):
    module = tf.Module()
    module.kept = tf.Variable(value)
    tf.saved_model.save(module, str(path))


def write_events(path, text):
    with tf.summary.create_file_writer(str(path)).as_default():
        tf.summary.text("table", f"| answer | {text} |", step=1)


def write_zip(path, text):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("part.txt", text)


def write_arrow(path, column):
    table = pa.table({"column": column})
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(path), table.schema, options=options) as writer:
        writer.write_table(table)


def array_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def plants(text, tokens, vector):
    """Name of a kind of file: how to write it, and what it holds."""
    ints = [int(token) for token in tokens]
    part = text[10:80]
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in part)
    of_ints = tf.train.Feature(int64_list=tf.train.Int64List(value=ints))
    of_bytes = tf.train.Feature(bytes_list=tf.train.BytesList(value=[part.encode()]))
    of_floats = tf.train.Feature(float_list=tf.train.FloatList(value=vector.tolist()))
    return {
        "plain.txt": (lambda p: p.write_text(f"so: {part}"), "text"),
        "letters.jsonl": (lambda p: p.write_text(json.dumps({"raw": f"é {text}"}) + "\n"), "text"),
        "nested.json": (lambda p: p.write_text(json.dumps([json.dumps({"a": [text]})])), "text"),
        "escaped.json": (lambda p: p.write_text(f'["{escaped}"]'), "text"),
        "half.jsonl.tmp-0a1b2c3d": (lambda p: p.write_text(f'{{"a": "{escaped}"}}\n'), "text"),
        "page.html": (lambda p: p.write_text(f"<p>{html.escape(text)}</p>"), "text"),
        "table.csv": (lambda p: write_csv(p, text), "text"),
        "ids.npy.gz": (
            lambda p: p.write_bytes(gzip.compress(array_bytes(tokens.astype(np.int32)))),
            "wordpieces",
        ),
        "warmup": (lambda p: write_records(p, request(part)), "text"),
        "tokens.json": (lambda p: p.write_text(json.dumps({"ids": ints})), "wordpieces"),
        "vector.json": (lambda p: p.write_text(json.dumps([vector.tolist()])), "vectors"),
        "text.gz": (lambda p: p.write_bytes(gzip.compress(part.encode())), "text"),
        "lines.jsonl.bz2": (
            lambda p: p.write_bytes(bz2.compress(json.dumps([text]).encode())),
            "text",
        ),
        "text.xz": (lambda p: p.write_bytes(lzma.compress(part.encode())), "text"),
        "text.zip": (lambda p: write_zip(p, part), "text"),
        "ids16.npy": (lambda p: p.write_bytes(array_bytes(tokens.astype(np.uint16))), "wordpieces"),
        "ids32.npy": (lambda p: p.write_bytes(array_bytes(tokens.astype(np.int32))), "wordpieces"),
        "ids64.npy": (lambda p: p.write_bytes(array_bytes(tokens.astype(np.int64))), "wordpieces"),
        "i8.npy": (
            lambda p: p.write_bytes(array_bytes(vectors.encode(vector[None], "int8")[0])),
            "vectors",
        ),
        "f16.npy": (lambda p: p.write_bytes(array_bytes(vector.astype(np.float16))), "vectors"),
        "f32.npy": (lambda p: p.write_bytes(array_bytes(np.stack([vector] * 2))), "vectors"),
        "f64.npy": (lambda p: p.write_bytes(array_bytes(vector.astype(np.float64))), "vectors"),
        "many.npz": (lambda p: np.savez_compressed(p, a=vector), "vectors"),
        "text.arrow": (lambda p: write_arrow(p, [part]), "text"),
        "ids.arrow": (lambda p: write_arrow(p, [ints]), "wordpieces"),
        "text.parquet": (lambda p: parquet.write_table(pa.table({"t": [part]}), p), "text"),
        "ids.parquet": (lambda p: parquet.write_table(pa.table({"t": [ints]}), p), "wordpieces"),
        "ints.tfrecord": (lambda p: write_records(p, example(a=of_ints)), "wordpieces"),
        "bytes.tfrecord": (lambda p: write_records(p, example(a=of_bytes)), "text"),
        "floats.tfrecord": (lambda p: write_records(p, example(a=of_floats)), "vectors"),
        "model_text": (lambda p: write_variable(p, [part, "x"]), "text"),
        "model_ids": (lambda p: write_variable(p, np.array(ints, np.int64)), "wordpieces"),
        "model_vectors": (lambda p: write_variable(p, vector), "vectors"),
        "events": (lambda p: write_events(p, part), "text"),
    }


NAMES = tuple(plants("", np.zeros(16, np.uint16), np.zeros(16, np.float32)))


@pytest.mark.parametrize("name", NAMES)
def test_a_canary_in_every_kind_of_file_is_found(clean, canary, tmp_path, name):
    write, kind = plants(*canary)[name]
    write(tmp_path / name)
    found = found_in(clean, [str(tmp_path)])
    assert found
    assert {kind} == set.union(*found.values())


def test_what_others_say_is_no_trace(clean, tmp_path):
    """Sentences of documents that are there, though the canary had them, too."""
    (tmp_path / "other.txt").write_text("of the city of Chicago was in the war.")
    for left in (record(n) for n in range(20, 26)):
        (tmp_path / f"{left['id']}.txt").write_text(left["text"])
    assert found_in(clean, [str(tmp_path)]) == {}


def test_an_approximate_index_over_its_vectors_is_named(clean, tmp_path):
    kept = clean.view().snapshot.deletions[0]
    settings = json.loads(pathlib.Path(kept.path, "segment.json").read_text())["settings"]
    manifest = {
        "kind": "index",
        "made_from": {"vectors": settings["vectors"][0]},
        "settings": {"backend": "scann"},
    }
    (tmp_path / "segment.json").write_text(json.dumps(manifest))
    found = found_in(clean, [str(tmp_path)])
    assert found == {"segment.json": {"vectors in another form"}}
