# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line: the user's mistakes end in one line and exit code 2, without a traceback."""

import json
import os
import pathlib
import subprocess
import sys

import click.testing
import numpy as np
import pytest

from beam_jobs.engine import job_folder
from realm_tf import artifacts, config, version
from realm_tf.cli import main
from realm_tf.text import vocabulary
from tests.beam_jobs import documents, reference_corpora
from tests.retrieval import segments

ROOT = pathlib.Path(__file__).parents[2]
GOOD = {"id": "1", "title": "Ohrid", "text": "Lake Ohrid lies in the city. It was a river."}


def _invoke(*args: str) -> click.testing.Result:
    result = click.testing.CliRunner().invoke(main.main, [str(arg) for arg in args])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception  # a traceback, for the user
    return result


def _refusal(*args: str) -> str:
    """The one line that a command ends with."""
    result = _invoke(*args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.startswith("realm: ")]
    assert len(lines) == 1, result.stderr
    assert result.stderr.splitlines()[-1] == lines[0]
    return lines[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Segments "vocab" and "blocks", made by the commands."""
    root = tmp_path_factory.mktemp("cli")
    vocab = documents.write_vocab(root)
    corpus = documents.write(root / "corpus.jsonl", [GOOD])
    result = _invoke(
        "blocks",
        "--corpus",
        corpus,
        "--vocab",
        vocab,
        "--output",
        root,
        "--set",
        "blocks.length=40",
    )
    assert result.exit_code == 0
    return {"root": root, "vocab": vocab, "corpus": corpus, "blocks": result.stdout.strip()}


def test_segment_is_printed_for_people_and_machines(made):
    blocks = ("blocks", "--corpus", made["corpus"], "--vocab", made["vocab"])
    options = ("--output", made["root"], "--set", "blocks.length=40")
    assert os.path.isdir(made["blocks"])
    figures = json.loads(_invoke(*blocks, *options, "--json").stdout)
    assert figures["path"] == made["blocks"]
    assert figures["blocks"] == 1


def test_corpus_of_the_original_code(made, tmp_path):
    corpus = reference_corpora.write_orqa(tmp_path)
    options = ("--corpus", corpus, "--format", "orqa", "--output", tmp_path / "out")
    blocks = _invoke("blocks", *options, "--vocab", made["vocab"], "--json").stdout
    assert json.loads(blocks)["blocks"] == 5
    plain = _invoke(
        "blocks", *options, "--vocab", made["vocab"], "--set", "blocks.template=body"
    ).stdout.strip()
    assert artifacts.open_segment(plain).settings["template"] == "body"
    assert _invoke("vocab", *options, "--set", "vocab.size=100").exit_code == 0
    (tmp_path / "titles.tfr").unlink()
    assert "titles.tfr, which holds the titles of " in _refusal(
        "blocks", *options, "--vocab", made["vocab"]
    )


def test_passages_of_the_original_code(made, tmp_path):
    record = reference_corpora.passage("Ohrid", "Lake Ohrid was new.", ["Ohrid"])
    options = ("--corpus", reference_corpora.write_pretrain(tmp_path, [record]))
    options += ("--format", "realm-pretrain", "--output", tmp_path / "out")
    blocks, spans = _invoke("blocks", *options, "--vocab", made["vocab"]).stdout.split()
    assert "Lake Ohrid was new." in _invoke("inspect", blocks).stdout
    assert "Lake [[Ohrid]] was new." in _invoke("inspect", spans).stdout


def test_blocks_job_is_tried_reported_and_done_again(made, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps(GOOD) + '\n{"id": "2"}\n')
    output = tmp_path / "out"
    command = ("blocks", "--corpus", corpus, "--vocab", made["vocab"], "--output", output)
    tried = _invoke(*command, "--dry-run", "1").stdout
    assert "the first 1 records" in tried
    assert not output.exists()
    assert "1 bad" not in tried
    line = _refusal(*command)
    assert f"{corpus}:2: " in line
    assert "0 more bad records" in line
    segment = _invoke(*command, "--max-bad-fraction", "0.5", "--no-resume").stdout.strip()
    report = _invoke("inspect", job_folder.path_of(segment)).stdout
    assert f"1, first: {corpus}:2" in report
    reference = reference_corpora.write_orqa(tmp_path)
    command = ("blocks", "--corpus", reference, "--format", "orqa", "--vocab", made["vocab"])
    command = (*command, "--output", output)
    assert "the first 2 records" in _invoke(*command, "--dry-run", "2").stdout
    assert "holds ready blocks" in _refusal(*command, "--max-bad-fraction", "0.5")


def test_unknown_format(made, tmp_path):
    options = ("--corpus", made["corpus"], "--format", "docx", "--output", tmp_path / "out")
    for line in (
        _refusal("blocks", *options, "--vocab", made["vocab"]),
        _refusal("vocab", *options),
    ):
        assert "realm-blocks, orqa, realm-pretrain. Received: 'docx'" in line


def test_run_needs_blocks(made, tmp_path):
    questions = ("--questions-train", made["corpus"], "--questions-dev", made["corpus"])
    corpus = ("--corpus", made["corpus"], "--format", "realm-pretrain")
    line = _refusal("run", *corpus, *questions, "--workdir", tmp_path)
    assert "text, realm-blocks, orqa. Received: 'realm-pretrain'" in line


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([GOOD, {"id": "2"}], 'corpus.jsonl:2: "text" must be a string. Received: None.'),
        ([GOOD, '{"id": "2", '], "corpus.jsonl:2: invalid JSON"),
        (['"text"'], "corpus.jsonl:1: a JSON object is needed"),
        ([{"text": "a"}], 'corpus.jsonl:1: no "id"'),
        ([GOOD, GOOD], "corpus.jsonl:2: the id '1' was already given at"),
        ([], "corpus.jsonl has text: there would be no blocks"),
        ([{**GOOD, "text": " "}], "corpus.jsonl has text: there would be no blocks"),
    ],
    ids=["no text", "no json", "no object", "no id", "same id twice", "empty", "only blanks"],
)
def test_wrong_corpus(made, tmp_path, lines, message):
    corpus = documents.write(tmp_path / "corpus.jsonl", lines)
    line = _refusal(
        "blocks", "--corpus", corpus, "--vocab", made["vocab"], "--output", tmp_path / "out"
    )
    assert message in line


def test_corpus_that_is_not_utf8(made, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_bytes(json.dumps(GOOD).encode() + b'\n{"id": "2", "text": "caf\xe9"}\n')
    options = ("--corpus", corpus, "--output", tmp_path / "out")
    line = _refusal("blocks", *options, "--vocab", made["vocab"])
    assert "corpus.jsonl:2: not UTF-8" in line
    assert "corpus.jsonl:2: not UTF-8" in _refusal("vocab", *options)
    allowed = ("--set", "jobs.max_bad_fraction=0.5", "--set", "vocab.size=100")
    assert _invoke("vocab", *options, *allowed).exit_code == 0  # passes over it, with a warning


def test_vocabulary_of_an_empty_corpus(tmp_path):
    corpus = documents.write(tmp_path / "corpus.jsonl", [])
    _refusal("vocab", "--corpus", corpus, "--output", tmp_path / "out")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("vocab", "--corpus", "nowhere.jsonl", "--output", "out"), "'nowhere.jsonl'"),
        (("blocks", "--corpus", "{corpus}", "--vocab", "nowhere", "--output", "out"), "nowhere"),
        (("tag", "--blocks", "nowhere", "--vocab", "{vocab}", "--output", "out"), "nowhere"),
        (("index", "--vectors", "nowhere", "--output", "out"), "nowhere"),
        (("inspect", "nowhere"), "nowhere is not a complete segment"),
        (("train", "realm/ict", "--workdir", "nowhere"), "nowhere holds no run"),
        (("evaluate", "--workdir", "nowhere"), "nowhere holds no run"),
        (("export", "--workdir", "nowhere"), "nowhere holds no run"),
        (("ask", "--model", "nowhere", "Who?"), "nowhere"),
        (
            (
                *("run", "--corpus", "{corpus}", "--workdir", "out"),
                *("--questions-train", "nowhere.jsonl", "--questions-dev", "nowhere.jsonl"),
            ),
            "No such file of questions: nowhere.jsonl",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_missing_file(made, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    assert message in _refusal(*(arg.format(**made) for arg in args))


def _copy_flipped(segment: str, target: pathlib.Path) -> str:
    """A copy of a segment with one bit of its largest file changed."""
    target.mkdir()
    for path in pathlib.Path(segment).iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    largest = max(target.glob("*-of-*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(bytes(content))
    return str(target)


def test_flipped_byte(made, tmp_path):
    damaged = _copy_flipped(made["blocks"], tmp_path / "blocks")
    assert _invoke("inspect", made["blocks"]).exit_code == 0
    assert f"{damaged}/blocks-" in (line := _refusal("inspect", damaged))
    assert "is damaged: expected" in line
    line = _embed_refusal(made, tmp_path, damaged, _write_embedder(made, tmp_path))
    assert f"{damaged}/blocks-" in line
    assert "is damaged: expected" in line


def _write_embedder(made, root, **changes) -> str:
    tokenizer = json.loads((pathlib.Path(made["blocks"]) / "segment.json").read_text())
    tokenizer = tokenizer["made_from"]["tokenizer"]
    return segments.write_embedder(root, **{"tokenizer": tokenizer, **changes}).path


def _embed_refusal(made, root, blocks, embedder, **changes) -> str:
    vocab = changes.get("vocab", made["vocab"])
    parts = ("--blocks", blocks, "--vocab", vocab, "--embedder", embedder)
    return _refusal("embed", *parts, "--output", root / "out", "--set", "blocks.length=40")


def test_embedder_with_another_tokenizer(made, tmp_path):
    embedder = _write_embedder(made, tmp_path, tokenizer="f" * 64)
    line = _embed_refusal(made, tmp_path, made["blocks"], embedder)
    assert "do not belong together: their tokenizer differs" in line
    assert embedder in line


def test_another_vocabulary(made, tmp_path):
    words = [*vocabulary.SPECIAL_TOKENS, "a", "b"]
    vocab = vocabulary.write_segment(str(tmp_path), words, lower_case=True).path
    embedder = _write_embedder(made, tmp_path)
    line = _embed_refusal(made, tmp_path, made["blocks"], embedder, vocab=vocab)
    assert "their tokenizer differs" in line


def test_unknown_experiment(made, tmp_path):
    (tmp_path / "run.json").write_text(
        json.dumps({"corpus": "a", "questions_train": "b", "questions_dev": "c", "beam_args": []})
    )
    (tmp_path / "config.yaml").write_text(config.dump(config.Config()))
    line = _refusal("train", "realm/itc", "--workdir", tmp_path)
    assert "Unknown experiment 'realm/itc'. Valid: realm/ict" in line


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--set", "vocab.sise=3", "Unknown config key vocab.sise. Did you mean vocab.size?"),
        ("--set", "vocab.size=[", "is not valid YAML"),
        ("--config", "nowhere.yaml", "No such config file: nowhere.yaml."),
    ],
)
def test_wrong_config(option, value, message):
    line = _refusal("vocab", "--corpus", "c.jsonl", "--output", "out", option, value)
    assert message in line


def test_missing_option_is_clicks_to_refuse():
    result = _invoke("vocab")
    assert result.exit_code == 2
    assert "--corpus" in result.stderr


def test_version_and_help():
    assert version.__version__ in _invoke("--version").stdout
    listed = _invoke("--help").stdout
    for command in main.main.commands:
        assert f"\n  {command}" in listed
        assert _invoke(command, "-h").exit_code == 0


def _run(*args: object, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    """`realm` in a process of its own, with real streams."""
    return subprocess.run(
        [sys.executable, "-m", "realm_tf", *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_mistake_before_tensorflow_is_imported(tmp_path):
    done = _run("vocab", "--corpus", "c", "--output", "o", "--set", "vocab.sise=3", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "realm: Unknown config key vocab.sise. Did you mean vocab.size?\n"


def test_mistake_in_a_worker_has_no_traceback(made, tmp_path):
    corpus = documents.write(tmp_path / "corpus.jsonl", [GOOD, {"id": "2"}])
    options = ("--corpus", corpus, "--vocab", made["vocab"], "--output", tmp_path / "out")
    done = _run("blocks", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.count('"text" must be a string') == 1
    assert done.stderr.splitlines()[-1].startswith("realm: ")


def test_embed_and_index(made, tmp_path):
    embedder = _write_embedder(made, tmp_path, vocab_size=200)
    parts = ("--blocks", made["blocks"], "--vocab", made["vocab"], "--embedder", embedder)
    options = ("--output", tmp_path, "--set", "blocks.length=40")
    vectors = json.loads(_invoke("embed", *parts, *options, "--json").stdout)
    assert vectors["blocks"] == 1
    index = _invoke("index", "--vectors", vectors["path"], "--output", tmp_path).stdout.strip()
    assert artifacts.open_segment(index, "index").made_from["vectors"] == vectors["fingerprint"]


@pytest.mark.parametrize("source", ["questions", "blocks"])
def test_index_is_gated_and_tuned_with_real_queries(made, tmp_path, source):
    embedder = _write_embedder(made, tmp_path, vocab_size=200)
    values = segments.normal(600, artifacts.open_segment(embedder).settings["embed_dim"])
    vectors = segments.write_vectors(tmp_path, [values]).path
    questions = tmp_path / "questions.jsonl"
    questions.write_text(
        '{"question": "who", "answer": "x"}\n{"question": "where", "answer": "y"}\n'
    )
    given = {"questions": questions, "blocks": made["blocks"]}[source]
    parts = ("--embedder", embedder, "--vocab", made["vocab"], f"--{source}", given)
    options = ("--vectors", vectors, "--output", tmp_path / "out", "--set", "retrieval.index=ivf")
    index = _invoke("index", *options, *parts).stdout.strip()
    settings = artifacts.open_segment(index, "index").settings
    (file,) = (tmp_path / "out").glob("queries-*.npy")
    assert len(np.load(file)) == (2 if source == "questions" else 1)
    assert settings["queries"] != "blocks"
    assert min(settings["recall"].values()) >= 0.9
    there = sorted((tmp_path / "out").iterdir())
    plot = tmp_path / "frontier.svg"
    lines = _invoke("index", *options, *parts, "--tune", plot).stdout.splitlines()
    assert lines[0].split() == ["k", "leaves", "reordered", "recall", "queries/s"]
    assert {line.split()[0] for line in lines[1:]} == set(settings["recall"])
    assert "<svg" in plot.read_text()
    assert sorted((tmp_path / "out").iterdir()) == there
    assert "not both" in _refusal("index", *options, "--questions", "x", "--blocks", "y")
    assert "need --embedder and --vocab" in _refusal("index", *options, "--blocks", "y")
    assert "*.svg, *.png or *.pdf" in _refusal("index", *options, "--tune", "plot.txt")
    exact = (*options, "--set", "retrieval.index=exact", "--tune", plot)
    assert "nothing to tune" in _refusal("index", *exact)


def test_examples(made, tmp_path):
    parts = ("--vocab", made["vocab"], "--output", tmp_path)
    settings = ("--set", "blocks.length=40", "--set", "pretrain.query_length=32")
    spans = _invoke("tag", "--blocks", made["blocks"], *parts).stdout.strip()
    options = ("--blocks", made["blocks"], "--spans", spans, *parts, *settings)
    masked = _invoke("examples", "--task", "masked", *options).stdout.strip()
    assert artifacts.open_segment(masked).settings["query_length"] == 32
    assert "example 0  block" in _invoke("inspect", masked).stdout
    there = sorted(tmp_path.rglob("*"))
    preview = _invoke("examples", "--task", "masked", *options, "--dry-run", "1").stdout
    assert ["blocks", "1"] in [line.split() for line in preview.splitlines()]
    assert sorted(tmp_path.rglob("*")) == there
    line = _refusal("examples", "--task", "masked", "--blocks", made["blocks"], *parts)
    assert "masked examples are made of blocks and their salient spans." in line
    assert "realm tag" in line
