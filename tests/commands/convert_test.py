# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm convert`: what lands on disk, and that it is what training writes, too."""

import json

import click.testing
import numpy as np
import pytest

from realm_tf import artifacts, config, types
from realm_tf.cli import main
from realm_tf.commands import convert as convert_command
from realm_tf.data.blocks import shards
from realm_tf.models import embedder, reader, weights
from realm_tf.models.import_weights import hf_hub, safetensors
from realm_tf.retrieval import vectors
from realm_tf.text import tokenizer, vocabulary
from tests.data import example_passages
from tests.models.import_weights import foreign

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(97 + i) for i in range(25))]

# Lengths for the tiny networks' few positions.
SHORT = (
    *("blocks.length=20", "ict.query_length=10", "pretrain.query_length=10"),
    *("open_qa.query_length=10", "open_qa.reader_length=30"),
)


def _vocabulary(folder, words=WORDS):
    (folder / "vocab.txt").write_text("".join(f"{w}\n" for w in words), encoding="utf-8")


def _embedder_source(folder):
    path = foreign.write_hf(folder, foreign.hf_realm("RealmEmbedder"), foreign.REALM_CONFIG)
    _vocabulary(folder)
    return path


def test_embedder_is_usable_as_it_is(tmp_path):
    source = _embedder_source(tmp_path / "source")
    made = convert_command.convert("hf-realm", source, str(tmp_path / "made"))
    kinds = {segment.kind: segment for segment in made.segments}
    assert set(kinds) == {"vocab", "embedder_weights", "embedder"}
    for kind, segment in kinds.items():
        assert artifacts.open_segment(segment.path, kind) == segment
    used = tokenizer.Tokenizer.open(kinds["vocab"])
    assert kinds["embedder_weights"].made_from["tokenizer"] == used.fingerprint
    cfg = config.load(str(tmp_path / "made" / "model.yaml"), SHORT)
    assert cfg.init == config.InitConfig(embedder=str(tmp_path / "made"))
    assert vocabulary.read(cfg.vocab.file) == WORDS
    model = embedder.Embedder(cfg.model.embedder, foreign.VOCAB).build_weights()
    weights.restore(model, kinds["embedder_weights"])
    theirs = foreign.hf_realm("RealmEmbedder")["cls.dense.weight"]
    np.testing.assert_array_equal(model.block_tower.projection.kernel, theirs.T)
    report = (tmp_path / "made" / "report.txt").read_text(encoding="utf-8")
    assert report == made.report.text()


@pytest.mark.parametrize("head", [True, False])
def test_bert_starts_both_networks(tmp_path, head):
    shapes = foreign.tf1_encoder() | (foreign.tf1_head() if head else {})
    foreign.write_tf1(tmp_path / "source" / "bert_model.ckpt", foreign.draw(shapes))
    foreign.write_config(tmp_path / "source")
    made = convert_command.convert("tf1-bert", str(tmp_path / "source"), str(tmp_path / "made"))
    (segment,) = made.segments
    assert segment.settings["masked_lm"] is head
    assert weights.vocab_size(segment) == foreign.VOCAB
    cfg = config.load(str(tmp_path / "made" / "model.yaml"), SHORT)
    assert cfg.init.embedder == cfg.init.reader == str(tmp_path / "made")
    model = reader.KnowledgeAugmentedEncoder(cfg.model.reader, foreign.VOCAB).build_weights()
    weights.restore_encoder(model.encoder, segment)
    words = foreign.draw(shapes)["bert/embeddings/word_embeddings"]
    np.testing.assert_array_equal(model.encoder.embedding_table, words)


def test_same_source_has_the_same_fingerprint(tmp_path):
    source = foreign.write_hf(tmp_path / "a", foreign.hf_realm("RealmReader"), foreign.REALM_CONFIG)
    other = foreign.write_hf(
        tmp_path / "b", foreign.hf_realm("RealmReader", seed=1), foreign.REALM_CONFIG
    )
    made = [
        convert_command.convert("hf-realm", path, str(tmp_path / f"made{i}")).segments[0]
        for i, path in enumerate((source, source, other))
    ]
    assert made[0].made_from == made[1].made_from != made[2].made_from


def test_vocabulary_of_another_size_is_noted(tmp_path):
    source = _embedder_source(tmp_path / "source")
    _vocabulary(tmp_path / "source", WORDS[:-1])
    made = convert_command.convert("hf-realm", source, str(tmp_path / "made"))
    assert any("29 wordpieces, but the weights 30" in note for note in made.report.notes)


def test_destination_must_be_new(tmp_path):
    source = _embedder_source(tmp_path / "source")
    with pytest.raises(types.UserError, match="not an empty directory"):
        convert_command.convert("hf-realm", source, source)
    with pytest.raises(types.UserError, match="not an empty directory"):
        convert_command.export("hf-realm", source, source)


# Export.


@pytest.mark.parametrize("name", ["RealmEmbedder", "RealmKnowledgeAugEncoder", "RealmForOpenQA"])
def test_there_and_back(tmp_path, name):
    source = foreign.write_hf(tmp_path / "in", foreign.hf_realm(name), foreign.REALM_CONFIG)
    made = convert_command.convert("hf-realm", source, str(tmp_path / "made"))
    assert convert_command.export("hf-realm", str(tmp_path / "made"), str(tmp_path / "out")) == ()
    written = safetensors.read(str(tmp_path / "out" / "model.safetensors"))
    assert set(written) == {row[0] for row in made.report.mapped}
    for key, array in written.items():
        np.testing.assert_array_equal(array, foreign.hf_realm(name)[key])


def test_export_needs_one_segment_of_weights(tmp_path):
    with pytest.raises(types.UserError, match="Found 0"):
        convert_command.export("hf-realm", str(tmp_path), str(tmp_path / "out"))


def test_export_of_a_bert_is_refused(tmp_path):
    source = foreign.write_hf(tmp_path / "in", foreign.draw(foreign.hf_encoder()), foreign.CONFIG)
    convert_command.convert("hf-bert", source, str(tmp_path / "made"))
    with pytest.raises(types.UserError, match="no model for weights of kind 'bert_weights'"):
        convert_command.export("hf-realm", str(tmp_path / "made"), str(tmp_path / "out"))


def test_export_needs_a_shape(tmp_path):
    segment = vocabulary.write_segment(str(tmp_path / "s"), WORDS, lower_case=True)
    with pytest.raises(types.UserError, match="does not say the configuration of its model"):
        convert_command.export("hf-realm", segment.path, str(tmp_path / "out"))


# Block vectors.

NUM_BLOCKS = 7


def _blocks(root, rows, tokenizer_fingerprint):
    passages = example_passages.passages(seed=1, num_docs=12)[: len(rows)]
    pairs = zip(passages, rows, strict=True)
    blocks, _ = shards.write_segments(
        str(root),
        [types.Passage(_with_row(passage.block, row), ()) for passage, row in pairs],
        num_shards=3,
        settings={"rows": [str(row) for row in rows], "vocab_size": len(WORDS)},
        made_from={"tokenizer": tokenizer_fingerprint},
    )
    return blocks


def _with_row(block, row):
    metadata = {} if row is None else {"orqa_row": row}
    return types.Block(**{**vars(block), "metadata": json.dumps(metadata)})


def _module(root):
    foreign.write_tf1(root / "variables" / "variables", foreign.draw(foreign.tf1_embedder()))
    foreign.write_config(root / "variables")
    block_emb = foreign.draw({"block_emb": (NUM_BLOCKS, foreign.PROJECTION)})
    foreign.write_tf1(root / "encoded" / "encoded.ckpt", block_emb)
    _vocabulary(root)
    return str(root), block_emb["block_emb"]


FINGERPRINT = tokenizer.Tokenizer(WORDS).fingerprint


def test_block_vectors_follow_the_blocks(tmp_path):
    source, block_emb = _module(tmp_path / "module")
    rows = [3, 0, 6, 1, 5, 2, 4]
    segment = _blocks(tmp_path, rows, FINGERPRINT)
    made = convert_command.convert("tf1-realm", source, str(tmp_path / "made"), blocks=segment.path)
    kinds = {made.kind: made for made in made.segments}
    assert kinds["vectors"].made_from == {
        "blocks": segment.fingerprint,
        "embedder": kinds["embedder"].fingerprint,
    }
    table = vectors.VectorTable.open(kinds["vectors"].path)
    records = example_passages.blocks_in(segment)
    assert len(table.shards) == 3
    assert table.block_ids.tolist() == [b.block_id for b in records]
    expected = [block_emb[json.loads(b.metadata)["orqa_row"]] for b in records]
    np.testing.assert_array_equal(table.load(), expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 1, 2], "7 vectors, but .* was made from 3 records"),
        ([0, 1, 2, 3, 4, 5, 5], "two blocks with the same orqa_row"),
        ([0, 1, 2, 3, 4, 5, 7], "orqa_row 7, but a number from 0 to 6"),
        ([0, 1, 2, 3, 4, 5, None], "orqa_row None"),
    ],
)
def test_blocks_of_other_vectors_are_refused(tmp_path, rows, message):
    source, _ = _module(tmp_path / "module")
    segment = _blocks(tmp_path, rows, FINGERPRINT)
    with pytest.raises(types.UserError, match=message):
        convert_command.convert("tf1-realm", source, str(tmp_path / "made"), blocks=segment.path)


def test_blocks_of_another_tokenizer_are_refused(tmp_path):
    source, _ = _module(tmp_path / "module")
    segment = _blocks(tmp_path, range(NUM_BLOCKS), "another")
    with pytest.raises(types.UserError, match="their tokenizer differs"):
        convert_command.convert("tf1-realm", source, str(tmp_path / "made"), blocks=segment.path)


def test_block_vectors_alone(tmp_path):
    source = str(tmp_path / "module" / "encoded" / "encoded.ckpt")
    _module(tmp_path / "module")
    with pytest.raises(types.UserError, match="they need --blocks"):
        convert_command.convert("tf1-realm", source, str(tmp_path / "made"))
    segment = _blocks(tmp_path, range(NUM_BLOCKS), FINGERPRINT)
    made = convert_command.convert("tf1-realm", source, str(tmp_path / "made"), blocks=segment.path)
    assert [s.kind for s in made.segments] == ["vectors"]


def test_block_vectors_without_blocks_are_noted(tmp_path):
    source, _ = _module(tmp_path / "module")
    made = convert_command.convert("tf1-realm", source, str(tmp_path / "made"))
    assert any("block_emb was not imported" in note for note in made.report.notes)


def test_blocks_without_vectors_are_refused(tmp_path):
    source = _embedder_source(tmp_path / "source")
    segment = _blocks(tmp_path, range(NUM_BLOCKS), FINGERPRINT)
    with pytest.raises(types.UserError, match="holds no block vectors"):
        convert_command.convert("hf-realm", source, str(tmp_path / "made"), blocks=segment.path)


# The command.


def _invoke(*args):
    return click.testing.CliRunner().invoke(main.main, ["convert", *(str(a) for a in args)])


def test_command_imports_and_exports(tmp_path):
    source = _embedder_source(tmp_path / "source")
    done = _invoke("--from", "hf-realm", "--json", source, tmp_path / "made")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["segments"]["embedder_weights"] == str(tmp_path / "made" / "embedder_weights")
    assert (figures["mapped"], figures["unused"]) == (43, 7)
    done = _invoke("--to", "hf-realm", tmp_path / "made", tmp_path / "out")
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path}/out\n")
    done = _invoke("--from", "hf-realm", tmp_path / "out", tmp_path / "again")
    assert done.exit_code == 0
    assert "43 tensors mapped, 0 not used" in done.stdout


def test_name_of_the_hub(tmp_path, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = foreign.write_hub_cache(
        tmp_path, "someone/bert", commit, foreign.draw(foreign.hf_encoder())
    )
    fetched = hf_hub.Fetched("someone/bert", commit, str(snapshot))
    monkeypatch.setattr(hf_hub, "fetch", lambda *asked: {("someone/bert", "main"): fetched}[asked])
    command = ("--from", "hf-bert", "--layers", "1", "--revision", "main", "--json")
    done = _invoke(*command, "someone/bert", tmp_path / "made")
    assert done.exit_code == 0, done.output
    path = json.loads(done.stdout)["segments"]["bert_weights"]
    settings = artifacts.open_segment(path, "bert_weights").settings
    assert (settings["hub"], settings["revision"]) == ("someone/bert", commit)
    assert settings["model"]["embedder"]["encoder"]["num_layers"] == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--to", "hf-realm", "--layers", "1"), "--layers and --revision belong to --from"),
        (("--from", "tf2-bert", "--layers", "1"), "--layers belongs to --from hf-bert"),
        (("--from", "hf-bert", "--revision", "x"), "--revision belongs to a name of the"),
        ((), "needs either --from or --to"),
        (("--from", "hf-bert", "--to", "hf-realm"), "needs either --from or --to"),
        (("--to", "hf-realm", "--blocks", "x"), "--blocks belongs to --from"),
        (("--from", "hf-bert"), "No such file"),
        (("--from", "tf2-bert"), "must hold one checkpoint"),
    ],
)
def test_command_tells_mistakes_in_one_line(tmp_path, args, message):
    (tmp_path / "empty").mkdir()
    done = _invoke(*args, tmp_path / "empty", tmp_path / "made")
    assert done.exit_code == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("realm: ")]
    assert message in line
    assert not (tmp_path / "made").exists()
