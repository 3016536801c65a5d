# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is exported is whole, holds only ops that a stock server has, and answers elsewhere."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from realm_tf import artifacts, types
from realm_tf.evaluation import calibration
from serving import client, export, signatures, versions, warmup
from tests.serving import exported, tiny_system

QUESTIONS = ["Where is Lake Ohrid?", "", "Où est l'été à Zürich, 東京?"]
SIGNATURES = {"serving_default", "answer", "retrieve", "embed_query", "embed_block"}
CALIBRATION = calibration.Calibration(1.5, (0.1, 0.2, 0.3, 0.4, 0.5), -2.0)
MADE_FROM = {
    "tokenizer": tiny_system.make_tokenizer().fingerprint,
    "embedder": tiny_system.EMBEDDER,
    "open_qa_weights": "e" * 64,
    "questions": "f" * 64,
}


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    metadata = [{"year": 2020 + n, "lang": "en"} for n in range(len(tiny_system.TEXTS))]
    root = str(tmp_path_factory.mktemp("system"))
    return tiny_system.make(root, fields={"year": "number", "lang": "string"}, metadata=metadata)


@pytest.fixture(scope="module")
def module(system):
    return signatures.QaModule(**system._asdict(), calibration=CALIBRATION)


def _export(system, path, **changes):
    arguments = {
        "path": str(path),
        "snapshot_step": 500,
        "snapshot_created": "2026-01-31T12:00:00+00:00",
        "made_from": MADE_FROM,
        "calibration": CALIBRATION,
        "block_tower": system.model.query_tower,
    } | changes
    return export.export(**system._asdict(), **arguments)


@pytest.fixture(scope="module")
def version(system, tmp_path_factory):
    """Directory of an exported version."""
    return pathlib.Path(_export(system, tmp_path_factory.mktemp("export") / "qa"))


@pytest.fixture(scope="module")
def nodes(version):
    return list(exported.nodes(version))


def test_version_directory(version):
    assert version.name == "1"
    assert sorted(os.listdir(version.parent)) == ["1"]
    record = json.loads((version / versions.RECORD).read_text())
    assert record["snapshot_step"] == 500
    assert record["snapshot_created"] == "2026-01-31T12:00:00+00:00"
    assert record["counts"]["blocks"] == len(tiny_system.TEXTS)
    assert record["signatures"] == sorted(SIGNATURES)
    assert calibration.Calibration.from_json(record["calibration"]) == CALIBRATION
    assert set(record["made_from"]) == {*MADE_FROM, "blocks", "vectors"}
    assert record["made_from"]["embedder"] == tiny_system.EMBEDDER


def test_record_has_the_size_of_every_other_file(version):
    sizes = json.loads((version / versions.RECORD).read_text())["files"]
    there = {
        str(p.relative_to(version)): p.stat().st_size for p in version.rglob("*") if p.is_file()
    }
    del there[versions.RECORD]
    assert sizes == there
    assert {"saved_model.pb", "variables/variables.index"} < set(sizes)


def test_second_exporter_is_refused_and_harms_nothing(system, tmp_path):
    half = tmp_path / "1.tmp-abcd"
    half.mkdir()
    with artifacts.hold(str(tmp_path)):
        with pytest.raises(types.UserError, match="is in use by process"):
            _export(system, tmp_path)
        assert half.exists()


def _copy(version, tmp_path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(version, tmp_path / "qa" / "1"))


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", "variables"])
@pytest.mark.parametrize("cut", [False, True], ids=["gone", "cut"])
def test_export_that_is_not_whole_is_refused_and_made_again(system, version, tmp_path, name, cut):
    copy = _copy(version, tmp_path)
    path = copy / name
    if path.is_dir():
        path = next(path.glob("*.data-*"))
    path.write_bytes(path.read_bytes()[:50]) if cut else path.unlink()
    with pytest.raises(types.UserError, match="1 is not a whole export: it has") as told:
        client.ask(str(copy.parent), QUESTIONS)
    assert "\n" not in str(told.value)
    assert not export.is_current(str(copy.parent), MADE_FROM, system.config)


def test_damaged_variables_are_one_line(version, tmp_path):
    copy = _copy(version, tmp_path)
    data = next((copy / "variables").glob("*.data-*"))
    data.write_bytes(bytes(255 - byte for byte in data.read_bytes()))
    with pytest.raises(types.UserError, match="1 is damaged: ") as told:
        client.ask(str(copy.parent), QUESTIONS)
    assert "\n" not in str(told.value)


def test_newest_version_that_is_empty_is_passed_over_by_the_exporter(system, version, tmp_path):
    copy = _copy(version, tmp_path)
    assert export.is_current(str(copy.parent), MADE_FROM, system.config)
    (copy.parent / "7").mkdir()
    with pytest.raises(
        types.UserError, match=r"7 is not a whole export: it has no saved_model\.pb"
    ):
        client.ask(str(copy.parent), QUESTIONS)
    assert not export.is_current(str(copy.parent), MADE_FROM, system.config)


@pytest.mark.parametrize("record", ["", "[]", '{"made_from": 3}'])
def test_broken_record_makes_the_version_old(system, version, tmp_path, record):
    copy = _copy(version, tmp_path)
    (copy / versions.RECORD).write_text(record)
    assert not export.is_current(str(copy.parent), MADE_FROM, system.config)


def test_a_version_may_be_asked_itself_and_be_called_anything(version, tmp_path):
    whole = client.ask(str(version.parent), QUESTIONS)
    assert client.ask(str(version), QUESTIONS) == whole
    place = tmp_path / "qa [1] *?"
    shutil.copytree(version.parent, place)
    assert client.ask(str(place), QUESTIONS) == whole


def test_all_ops_are_of_a_stock_server(version):
    assert exported.foreign_ops(version) == set(export.TEXT_OPS)


def test_graph_holds_no_data(nodes):
    tokenizer_bytes = 0
    for node in nodes:
        if node.op == "Const":
            value = node.attr["value"].tensor
            assert not any(b"Ohrid" in text for text in value.string_val)
            if value.dtype == tf.uint8.as_datatype_enum:
                tokenizer_bytes += node.ByteSize()
            else:
                assert np.prod([d.size for d in value.tensor_shape.dim]) < 200
    assert tokenizer_bytes < 2_000_000


def test_signatures(version):
    loaded = tf.saved_model.load(str(version)).signatures
    assert set(loaded) == SIGNATURES
    of_evidence = dict.fromkeys(("block_id", "doc_id", "title", "block_text"), tf.string)
    numbers = ("probability", "score", "retrieval_score", "reader_score", "no_evidence")
    ends = ("byte_start", "byte_limit", "char_start", "char_limit")
    answered = {
        "answer": tf.string,
        **of_evidence,
        **dict.fromkeys(numbers, tf.float32),
        **{f"answer_{end}": tf.int32 for end in ends},
    }
    question, wanted = {"question": tf.string}, {"with_metadata": tf.bool, "filter": tf.string}
    inputs_and_outputs = {
        "serving_default": (question, answered),
        "answer": (
            {**question, "num_read": tf.int32, "num_answers": tf.int32, **wanted},
            {**answered, "metadata": tf.string},
        ),
        "retrieve": (
            {**question, "k": tf.int32, **wanted},
            {**of_evidence, "metadata": tf.string, "retrieval_score": tf.float32},
        ),
        "embed_query": (question, {"embedding": tf.float32}),
        "embed_block": ({"block_text": tf.string, "title": tf.string}, {"embedding": tf.float32}),
    }
    for name, (inputs, outputs) in inputs_and_outputs.items():
        taken = loaded[name].structured_input_signature[1]
        assert {n: spec.dtype for n, spec in taken.items()} == inputs
        assert all(spec.shape.as_list() == [None] for spec in taken.values())
        given = loaded[name].structured_outputs
        assert {n: spec.dtype for n, spec in given.items()} == outputs


@pytest.mark.slow
def test_answers_in_a_process_without_the_project(module, version, tmp_path):
    outputs = exported.answers_elsewhere(version, QUESTIONS, cwd=tmp_path)
    exported.require_same(outputs, module.answer(tf.constant(QUESTIONS)))


@pytest.fixture(scope="module")
def apart(system, tmp_path_factory):
    """Directory of an export of two models."""
    path = tmp_path_factory.mktemp("apart")
    assert _export(system, path, apart=True) == str(path)
    return path


@pytest.mark.slow
def test_nothing_that_is_asked_ends_the_process(version, apart):
    fuzz = pathlib.Path(__file__).with_name("fuzz.py")
    paths = (version, apart / "reader" / "1")  # the retriever's signatures are in the first
    done = subprocess.run(
        [sys.executable, str(fuzz), *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    counts = json.loads(done.stdout.splitlines()[-1])
    assert set(counts) == SIGNATURES | {"read"}
    assert all(c["answered"] > 5 and c["refused"] > 0 for c in counts.values()), counts


def test_apart_are_two_models_with_the_same_answers(module, apart):
    assert sorted(p.name for p in apart.iterdir() if p.is_dir()) == ["reader", "retriever"]
    found = client.load(str(apart))(question=tf.constant(QUESTIONS))
    expected = module.answer(tf.constant(QUESTIONS))
    exported.require_same(exported.plain(found), expected)
    assert client.ask(str(apart), QUESTIONS)[0][0].text == expected["answer"][0, 0].numpy().decode()


def test_new_documents_leave_the_reader(system, apart, tmp_path):
    place = tmp_path / "apart"
    shutil.copytree(apart, place)
    changed = {**MADE_FROM, "vectors": "of other blocks"}
    _export(system, place, apart=True, made_from=changed)
    assert versions.numbers(str(place / "retriever")) == [1, 2]
    assert versions.numbers(str(place / "reader")) == [1]
    _export(system, place, apart=True, made_from={**changed, "open_qa_weights": "d" * 64})
    assert versions.numbers(str(place / "reader")) == [1, 2]


def test_a_reader_of_other_weights_is_refused(system, apart, tmp_path):
    place = tmp_path / "apart"
    shutil.copytree(apart, place)
    record = place / "reader" / "1" / versions.RECORD
    record.write_text(record.read_text().replace("e" * 64, "d" * 64))
    with pytest.raises(types.UserError, match="do not belong together: their open_qa_weights"):
        client.ask(str(place), QUESTIONS)


def test_a_reader_holds_no_corpus(apart):
    for path in (apart / "reader" / "1").rglob("*"):
        assert path.is_dir() or b"Ohrid lies between" not in path.read_bytes()


def _place(target):
    """Writes a small SavedModel into its place."""
    with export._placed(target) as aside:
        module = tf.Module()
        module.number = tf.Variable(3.0)
        tf.saved_model.save(module, aside)
        (pathlib.Path(aside) / versions.RECORD).write_text("{}")


def test_object_store_gets_the_model_file_last(monkeypatch):
    copied = []
    copy = tf.io.gfile.copy

    def watched(source, target):
        copied.append(target)
        copy(source, target)

    monkeypatch.setattr(tf.io.gfile, "copy", watched)
    _place("ram://qa/1")
    assert copied[-1] == "ram://qa/1/saved_model.pb"
    names = {target.removeprefix("ram://qa/1/") for target in copied}
    assert {versions.RECORD, "variables/variables.index"} < names
    assert tf.saved_model.load("ram://qa/1").number.numpy() == 3


def test_what_does_not_reach_an_object_store_whole_is_removed(monkeypatch):
    copy = tf.io.gfile.copy

    def broken(source, target):
        if target.endswith("saved_model.pb"):
            raise OSError("gone")
        copy(source, target)

    monkeypatch.setattr(tf.io.gfile, "copy", broken)
    with pytest.raises(OSError, match="gone"):
        _place("ram://half/1")
    assert not tf.io.gfile.exists("ram://half/1")


def test_client_answers_as_the_module(module, version):
    answered = client.ask(str(version.parent), QUESTIONS, batch_size=2)
    expected = client.predict(module.answer, QUESTIONS)
    for answers, others in zip(answered, expected, strict=True):
        assert [(a.text, a.block_id, a.byte_start) for a in answers] == [
            (b.text, b.block_id, b.byte_start) for b in others
        ]


def _replay(version):
    """The signature and the batch size of all warm-up requests, each sent to the model."""
    loaded = tf.saved_model.load(str(version)).signatures
    for serialized in tf.data.TFRecordDataset(str(version / warmup.PATH)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log.request
        inputs = {n: tf.constant(tf.make_ndarray(x)) for n, x in request.inputs.items()}
        name = request.model_spec.signature_name
        (size,) = {len(x) for x in inputs.values()}
        assert {len(x) for x in loaded[name](**inputs).values()} == {size}
        yield name, size


def test_warmup_requests_can_be_replayed(version, apart):
    sizes = warmup.BATCH_SIZES
    assert sorted(_replay(version)) == sorted((n, b) for n in SIGNATURES for b in sizes)
    of_reader = sorted(_replay(apart / "reader" / "1"))
    assert of_reader == sorted((n, b) for n in ("serving_default", "read") for b in sizes)


def test_next_version_stands_beside_and_is_asked(system, version):
    bias = system.model.reader.span_logit.bias
    before = client.ask(str(version.parent), QUESTIONS[:1])[0][0]
    bias.assign(bias + 1.0)
    try:
        assert _export(system, version.parent) == str(version.parent / "2")
        after = client.ask(str(version.parent), QUESTIONS[:1])[0][0]
    finally:
        bias.assign(bias - 1.0)
    assert after.score == pytest.approx(before.score + 1.0, rel=1e-4)


def test_failed_export_leaves_nothing(system, tmp_path, monkeypatch):
    def fail(path, names):
        raise OSError("the disk is full")

    monkeypatch.setattr(warmup, "write", fail)
    with pytest.raises(OSError, match="full"):
        _export(system, tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_a_killed_export_left_is_removed(system, tmp_path):
    left = tmp_path / "1.tmp-0123abcd"
    left.mkdir()
    (left / "saved_model.pb").write_bytes(b"half")
    _export(system, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("role", ["tokenizer", "embedder"])
@pytest.mark.parametrize("fingerprint", ["0" * 64, None])
def test_refuses_parts_the_model_was_not_trained_with(system, tmp_path, role, fingerprint):
    with pytest.raises(types.UserError, match=f"The model and the .* their {role} differs"):
        _export(system, tmp_path, made_from={**MADE_FROM, role: fingerprint})
    assert os.listdir(tmp_path) == []
