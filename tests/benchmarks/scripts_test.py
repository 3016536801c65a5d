# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every benchmark runs, as benchmarks/README.md prints it, on a tiny input."""

import gzip
import hashlib
import importlib
import json
import os
import pathlib
import runpy
import subprocess
import sys

import numpy as np
import pytest

from realm_tf import types
from realm_tf.text import vocabulary
from tests.beam_jobs import changing_documents, documents
from tests.commands import small_run
from tests.data import example_passages
from tests.models import taggers
from tests.models.import_weights import foreign
from tests.retrieval import segments
from tests.text import vocabularies

ROOT = pathlib.Path(__file__).parents[2]


def _script(monkeypatch, name: str, *args: object) -> None:
    """`python benchmarks/name.py args`, in this process."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
    runpy.run_path(str(ROOT / "benchmarks" / f"{name}.py"), run_name="__main__")


def _imported(monkeypatch, name: str, *args: object):
    """The module of a benchmark, in which a test may change something before it calls `main`."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
    return importlib.import_module(f"benchmarks.{name}")


def _fresh(*args: object) -> list[str]:
    """The lines that Python prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _write_gz(path: pathlib.Path, records: list[dict]) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as f:
        f.writelines(json.dumps(record) + "\n" for record in records)
    return path


def _write_words(path: pathlib.Path) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{word}\n" for word in vocabularies.small()), encoding="utf-8")
    return path


def _squad_open(root: pathlib.Path) -> pathlib.Path:
    """Paragraphs and questions as in the data that the benchmarks take."""
    paragraphs = documents.records(30)[:-1]
    questions = [
        {"id": f"q{n}", "question": "Who was new?", "answers": ["Warsaw"], "paragraph_id": p["id"]}
        for n, p in enumerate(paragraphs)
    ]
    _write_gz(root / "corpus.jsonl.gz", paragraphs)
    _write_gz(root / "qa_train.jsonl.gz", questions)
    _write_gz(root / "qa_dev_public.jsonl.gz", questions[:5])
    return root


def _minilm(root: pathlib.Path, monkeypatch) -> pathlib.Path:
    """A BERT of random weights, in the files of all-MiniLM-L6-v2."""
    sizes = {"VOCAB": len(vocabularies.small()), "POSITIONS": 512}
    for name, size in sizes.items():
        monkeypatch.setattr(foreign, name, size)
    config = {"vocab_size": sizes["VOCAB"], "max_position_embeddings": sizes["POSITIONS"]}
    foreign.write_hf(root, foreign.draw(foreign.hf_encoder()), {**foreign.CONFIG, **config})
    _write_words(root / "vocab.txt")
    return root


@pytest.mark.parametrize(
    ("options", "num_blocks"),
    [
        ([], 29),
        pytest.param(["--dtype", "bfloat16"], 29, marks=pytest.mark.slow),
        pytest.param(["--blocks", "packed"], 29, marks=pytest.mark.slow),
    ],
)
def test_minilm_recall(tmp_path, monkeypatch, capsys, options, num_blocks):
    minilm, data = _minilm(tmp_path / "minilm", monkeypatch), _squad_open(tmp_path / "squad")
    reference = tmp_path / "reference.npz"
    known = {}
    for kind in ("paragraph", "question"):
        known[f"{kind}/input_ids"] = np.full((2, 6), 7, np.int32)
        known[f"{kind}/mask"] = np.ones((2, 6), np.int32)
        known[f"{kind}/sentence_vector"] = np.ones((2, foreign.HIDDEN), np.float32)
    np.savez(reference, **known)
    options = [*options, "--reference", reference]
    _script(monkeypatch, "minilm_recall", minilm, data, tmp_path / "work", *options)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["documents"] == 29
    assert figures["blocks"] >= num_blocks
    assert figures["gold@100"] == 100.0
    assert -1 <= figures["smallest_cosine"] <= 1


def test_squad_small_data(tmp_path, monkeypatch):
    _script(monkeypatch, "squad_small_data", _squad_open(tmp_path / "squad"), tmp_path / "out")
    counts = {
        path.name: len(path.read_text().splitlines()) for path in (tmp_path / "out").iterdir()
    }
    assert counts.pop("corpus.jsonl") == 29
    assert counts.keys() == {"questions_train.jsonl", "questions_dev.jsonl"}
    assert sum(counts.values()) == 29


def test_quickstart_seeds_that_are_there(tmp_path, monkeypatch, capsys):
    _script(monkeypatch, "quickstart_seeds", tmp_path, 1, 2, 3)
    assert capsys.readouterr().out.startswith("3 seeds: 1, 2, 3\n| recall@1 | ")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_quickstart_seeds(tmp_path, monkeypatch, capfd):
    inputs = small_run.write_inputs(tmp_path)
    inputs += ("--set", "evaluation.recall_at=[1, 5, 20]")
    module = _imported(monkeypatch, "quickstart_seeds")
    monkeypatch.setattr(module, "_RESULTS", tmp_path / "results")
    monkeypatch.setattr(
        module,
        "command",
        lambda seed, work: [
            *("realm", "run", *inputs, "--set", f"seed={seed}", "--workdir", str(work), "--json")
        ],
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    module.main(str(tmp_path / "work"), [7])
    told = capfd.readouterr()
    assert told.out.startswith("1 seeds: 7\n")
    assert "Exception ignored" not in told.err  # which TensorFlow raises of what is not let go
    assert json.loads((tmp_path / "results" / "quickstart_seed_7.json").read_text())["seed"] == 7


@pytest.mark.slow
def test_swap_memory(tmp_path):
    blocks, _ = example_passages.segments(tmp_path, example_passages.passages(seed=0, num_docs=3))
    options = ("--rows", 500, "--swaps", 2)
    lines = _fresh("-m", "benchmarks.swap_memory", blocks.path, *options)
    figures = json.loads(lines[-1])
    assert figures["rows"] == 500
    assert len(figures["MB after each swap"]) == 3


@pytest.mark.slow
def test_answer_lookup(tmp_path):
    blocks, _ = example_passages.segments(tmp_path, example_passages.passages(seed=0, num_docs=3))
    tokenizer = example_passages.tokenizer()
    vocab = vocabulary.write_segment(str(tmp_path), tokenizer.vocab, lower_case=True)
    asked = tmp_path / "questions.jsonl"
    asked.write_text('{"question": "Which water?", "answers": ["river", "the lake"]}\n')
    options = ("--searched", 5, "--batches", 2)
    lines = _fresh("-m", "benchmarks.answer_lookup", blocks.path, vocab.path, asked, *options)
    figures = json.loads(lines[-1])
    assert figures["pairs found"] > 0
    assert figures["share of blocks on which both agree"] == 1


@pytest.mark.slow
def test_open_qa_speed(tmp_path):
    blocks, _ = example_passages.segments(tmp_path, example_passages.passages(seed=0, num_docs=3))
    tokenizer = example_passages.tokenizer()
    vocab = vocabulary.write_segment(str(tmp_path), tokenizer.vocab, lower_case=True)
    asked = tmp_path / "questions.jsonl"
    asked.write_text('{"question": "Which water?", "answers": ["river", "the lake"]}\n')
    sizes = ("--searched", 5, "--read", 2, "--batch", 2, "--layers", 1, "--hidden", 32)
    options = (*sizes, "--rounds", 1, "--port", _port_stand_in(tmp_path))
    lines = _fresh("-m", "benchmarks.open_qa_speed", blocks.path, vocab.path, asked, *options)
    figures = json.loads(lines[-1])
    assert figures["ours"]["search, CPU ms"] > 0
    assert figures["ours"]["network, CPU ms"] > 0
    assert figures["port"] == {
        "network, CPU ms": 500.0,
        "CPU ms a question": 500.0,
        "questions a second": 1.0,
    }


def _port_stand_in(directory: pathlib.Path) -> pathlib.Path:
    """A Python without torch: it answers what is asked as `port_open_qa` does, in two seconds."""
    stand_in = directory / "python"
    stand_in.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        "assert json.loads((pathlib.Path(sys.argv[2]) / 'port.json').read_text())['texts']\n"
        "for line in sys.stdin:\n"
        "    assert len(json.loads(line)) == 2\n"
        "    print(json.dumps({'network': 1.0, 'wall': 2.0}), flush=True)\n"
    )
    stand_in.chmod(0o755)
    return stand_in


def test_bm25_recall(tmp_path, monkeypatch, capsys):
    data = _squad_open(tmp_path / "squad")
    _script(monkeypatch, "bm25_recall", data, "--every", 2, "--set", "retrieval.fusion.k1=1.2")
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["documents"], figures["questions"]) == (29, 3)
    assert 0 <= figures["gold@1"] <= figures["gold@100"] == 1.0


@pytest.mark.slow
def test_refresh_modes(tmp_path):
    small_run.write_inputs(tmp_path)
    data, work = _squad_open(tmp_path / "squad"), tmp_path / "work"
    options = ("--config", tmp_path / "config.yaml", "--steps", 16, "--every", 4)
    lines = _fresh("-m", "benchmarks.refresh_modes", data, work, *options)
    assert [line.split()[0] for line in lines[-3:]] == ["async", "sync", "off"]
    results = json.loads((work / "refresh_modes.json").read_text())
    shorter = results[1]["steps"]
    assert [len(result["staleness_steps"]) for result in results] == [16, shorter, shorter]
    assert results[1]["snapshots_taken_up"] >= 1
    assert results[2]["staleness_steps"] == list(range(shorter))
    assert (work / "staleness.svg").read_text().count("<polyline") == 3


@pytest.mark.slow
def test_blocks_job(tmp_path):
    _write_gz(tmp_path / "corpus" / "a.jsonl.gz", documents.records(20))
    # A job on so little ends before it can be killed; build_blocks_kill_test.py kills one.
    options = ["--copies", "1", "2", "--workers", "0", "1", "--no-kill"]
    inputs = (tmp_path / "corpus" / "*.jsonl.gz", _write_words(tmp_path / "vocab.txt"))
    lines = _fresh("benchmarks/blocks_job.py", *inputs, tmp_path / "work", *options)
    runs = [json.loads(line) for line in lines]
    assert [(line["copies"], line["workers"]) for line in runs] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert runs[0]["shards"] == runs[1]["shards"] != runs[2]["shards"] == runs[3]["shards"]


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["minilm", "base"])
def test_embed_speed(shape):
    code = "from benchmarks import embed_speed as m; m.LENGTH = 16; m.VOCAB_SIZE = 1100; m.main()"
    lines = _fresh("-c", code, shape, "--rounds", "1", "--threads", "2")
    figures = json.loads(lines[-1])
    assert figures["training layers"] == {"wall": 1.0, "cpu": 1.0}
    assert figures["lean bfloat16"]["wall"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("index", ["exact", "ivf", "scann"])
def test_export_million(tmp_path, index):
    options = ("--rows", 3000, "--index", index)
    lines = _fresh("-m", "benchmarks.export_million", tmp_path, *options)
    figures = json.loads(lines[-1])
    assert (figures["rows"], figures["index"]) == (3000, index)
    assert figures["on disk, GB"] > 0.001
    names = ("retrieve of 64", "serving_default of 1", "serving_default of 64")
    assert all(figures[f"{name}, CPU ms"] > 0 for name in names)
    assert figures["load, CPU s"] > 0
    assert ("index, CPU s" in figures) == ("recall" in figures) == (index != "exact")


@pytest.mark.slow
def test_train_step():
    code = """
from benchmarks import step_batches as b, train_step
encoder = dict(hidden_size=16, num_layers=1, num_heads=2, intermediate_size=32)
for name, shape in b.SHAPES.items():
    b.SHAPES[name] = shape._replace(vocab_size=50)
    shape.settings["model"] = b.networks(**encoder)
train_step.main()
"""
    for shape in ("minilm", "quickstart"):
        lines = _fresh("-c", code, shape, "--rounds", "1", "--threads", "2")
        figures = json.loads(lines[-1])
        for name in ("ict", "pretrain", "open_qa"):
            assert figures[name]["encoders"]["to_encoders"] == 1.0
            assert figures[name]["padded"]["filled"] <= figures[name]["now"]["filled"] <= 1
            assert figures[name]["now"]["cpu_secs"] > 0


def test_date_rules(tmp_path, monkeypatch, capsys):
    text = "Ohrid was new.\nIt was built in May 1916 and burnt in 1931."
    data = text.encode()
    dates = [
        [data.index(date) - 15, data.index(date) - 15 + len(date), "date"]
        for date in (b"May 1916", b"1931")
    ]
    label = {"source": "a.jsonl.gz", "doc_id": "1", "part": "dev", "dates": dates}
    label |= {"byte_start": 15, "byte_limit": len(data)}
    label["sha256"] = hashlib.sha256(data[15:]).hexdigest()
    _write_gz(tmp_path / "a.jsonl.gz", [{"id": "1", "text": text}])
    module = _imported(monkeypatch, "date_rules", tmp_path, "--mistakes")
    monkeypatch.setattr(module, "LABELS", tmp_path / "labels.jsonl")
    module.LABELS.write_text(json.dumps(label) + "\n")
    module.main()
    assert "dev, 1 paragraphs: 2 labelled, 2 found\n  exact    precision 1.000  recall 1.000" in (
        capsys.readouterr().out
    )


def test_markup_left(tmp_path, monkeypatch, capsys):
    source = documents.write(tmp_path / "a.jsonl", [{"id": "1", "text": "A {{lake}} ''here''."}])
    _script(monkeypatch, "markup_left", source, "jsonl", "--show")
    assert "in all paragraphs: {'template': 2, 'quotes': 2}" in capsys.readouterr().out
    blocks, _ = example_passages.segments(tmp_path, example_passages.passages(seed=0, num_docs=3))
    _script(monkeypatch, "markup_left", blocks.path, "blocks")
    assert f"{{'blocks': {blocks.counts['blocks']}}}" in capsys.readouterr().out


def test_tag_speed(tmp_path, monkeypatch, capsys):
    tagger = taggers.segment(tmp_path, example_passages.tokenizer(), {"lake": "B-LOC"})
    blocks, _ = example_passages.segments(tmp_path, example_passages.passages(seed=0, num_docs=3))
    options = ("--blocks", 2, "--rounds", 1)
    _script(monkeypatch, "tag_speed", tagger.path, blocks.path, *options)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["blocks"] == 2
    assert figures["padded to the maximum"]["spans_that_differ"] == 0


def test_tokenizer_agreement(tmp_path, monkeypatch, capsys):
    # The reference is a package that this project does not need; here it is our own tokenizer.
    vocab, corpus = _write_words(tmp_path / "vocab.txt"), tmp_path / "corpus.jsonl.gz"
    _write_gz(corpus, documents.records(5))
    options = ("--reference", "tokenizers", "--fuzz", "3")
    module = _imported(monkeypatch, "tokenizer_agreement", vocab, corpus, *options)
    tokenizer = vocabularies.tokenizer()
    monkeypatch.setitem(
        module.REFERENCES,
        "tokenizers",
        lambda _, **__: lambda text: tokenizer.encode([text])[0].ids.tolist(),
    )
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: name)
    module.main()
    out = capsys.readouterr().out
    assert f"{corpus}: 10 of 10 the same" in out or f"{corpus}: 5 of 5 the same" in out


@pytest.mark.slow
def test_index_search(tmp_path):
    script = ROOT / "benchmarks" / "index_search.py"
    lines = _fresh(script, tmp_path, "--blocks", 3000, "--rounds", 1, "--dtype", "float16")
    figures = json.loads("\n".join(lines))
    assert (figures["vectors"], figures["dtype"], figures["queries"]) == (3000, "float16", 1000)
    for k, floor in (("8", 0.98), ("100", 0.94)):
        found = figures["searches"][k]
        assert {"exact", "scann", "ivf", "bare scann"} <= found.keys()
        assert found["exact"]["recall"] == 1
        assert min(system["recall"] for system in found.values()) >= floor
        assert min(system["single"] for system in found.values()) > 0
    assert figures["indexes"]["exact"]["bytes"]["disk"] == 0
    assert figures["indexes"]["scann"]["bytes"]["disk"] > 64
    # So few are searched exactly where no width is enough, and then nothing is stored.
    stored = figures["indexes"]["ivf"]
    assert ("widths" in stored["settings"]) == (stored["bytes"]["disk"] > 256)


def test_stored_vectors(tmp_path, monkeypatch, capsys):
    written = np.random.default_rng(3).normal(size=(500, 16)).astype(np.float32)
    segment = segments.write_vectors(tmp_path, [written[:200], written[200:]])
    np.save(tmp_path / "queries.npy", written[::10] + 0.5)
    options = ("--vectors", segment.path, "--queries", tmp_path / "queries.npy")
    _script(monkeypatch, "stored_vectors", tmp_path / "stored", *options)
    stored = json.loads(capsys.readouterr().out)["stored"]
    assert 40 <= stored["float16"]["bytes"] < 41  # with an id of eight bytes
    assert 28 <= stored["int8"]["bytes"] < 30  # and a scale of four
    assert stored["float16"]["recall"]["100"] > 0.999
    # Rounded to 255 steps, some of the last of a hundred blocks change places with the next.
    assert 0.95 < stored["int8"]["recall"]["100"] < 1
    (narrow, *_) = (tmp_path / "stored").glob("vectors-*")
    with pytest.raises(types.UserError, match="give float32 ones"):
        _script(monkeypatch, "stored_vectors", tmp_path, "--vectors", narrow, *options[2:])


def test_document_updates(tmp_path, monkeypatch, capsys):
    records = [changing_documents.record(n) for n in range(12)]
    system = changing_documents.publish(tmp_path / "system", records)
    corpus = documents.write(tmp_path / "corpus.jsonl", records)
    questions = tmp_path / "questions.jsonl"
    asked = [{"question": f"What was in {1000 + n}?", "answers": ["war"]} for n in range(4)]
    questions.write_text("".join(f"{json.dumps(q)}\n" for q in asked), encoding="utf-8")
    arguments = (system.directory, corpus, questions, tmp_path / "work", "--share", 6)
    _script(monkeypatch, "document_updates", *arguments)
    out = capsys.readouterr().out
    figures = json.loads(out[out.index("{") :])
    assert figures["documents"] == 12
    assert figures["documents_added"] == 2
    assert figures["same_blocks"] == figures["questions"] == 4
    assert figures["score_difference"] == 0
    assert 0 < figures["bytes_written"] < figures["bytes_of_snapshot"]
