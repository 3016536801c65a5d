# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration: what is refused, and with which words; and that nothing is lost on the way."""

import dataclasses
import itertools
import pathlib

import pytest
import yaml

from realm_tf import config, types

_CONFIGS = pathlib.Path(__file__).parents[2] / "configs"


def _write(tmp_path: pathlib.Path, text: str) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_defaults_are_the_papers():
    cfg = config.load(None)
    assert cfg == config.Config()
    assert (cfg.blocks.length, cfg.pretrain.num_candidates, cfg.open_qa.num_searched) == (
        288,
        8,
        5000,
    )


def test_file_overrides_defaults_and_set_overrides_the_file(tmp_path):
    path = _write(tmp_path, "seed: 3\npretrain:\n  steps: 10\n  batch_size: 4\n")
    cfg = config.load(path, ["pretrain.steps=20", "pretrain.refresh.every_steps = 7"])
    assert (cfg.seed, cfg.pretrain.steps, cfg.pretrain.batch_size) == (3, 20, 4)
    assert cfg.pretrain.refresh.every_steps == 7


def test_decisive_of_the_runtime_is_what_changes_losses():
    known = {"mixed_bfloat16", "jit_compile", "static_shapes", "accumulation_steps", "remat"}
    assert config.decisive(config.RuntimeConfig()).keys() == {*known, "device_loop"}


def test_decisive_settings_leave_out_when_to_save():
    settings = config.decisive(config.PretrainConfig())
    assert {"steps", "refresh", "warmup", "optimizer"} < settings.keys()
    assert "checkpoint_every_steps" not in settings
    assert settings["refresh"] == {"mode": "sync", "every_steps": 500}


def test_empty_file_is_the_defaults(tmp_path):
    assert config.load(_write(tmp_path, "")) == config.Config()


@pytest.mark.parametrize(
    ("override", "where", "value"),
    [
        ("pretrain.optimizer.learning_rate=1e-4", "pretrain.optimizer.learning_rate", 1e-4),
        ("model.embedder.dropout=0", "model.embedder.dropout", 0.0),
        ("pretrain.optimizer.warmup_steps=null", "pretrain.optimizer.warmup_steps", None),
        ("pretrain.optimizer.warmup_steps=5", "pretrain.optimizer.warmup_steps", 5),
        ("pretrain.retriever_learning_rate=3e-4",
         "pretrain.retriever_learning_rate", 3e-4),
        ("evaluation.recall_at=[2, 3]", "evaluation.recall_at", (2, 3)),
        ("runtime.jit_compile=true", "runtime.jit_compile", True),
        ("runtime.tpu=a=b", "runtime.tpu", "a=b"),
    ],
)  # fmt: skip
def test_override_is_read_as_yaml_and_typed(override, where, value):
    found = config.load(None, [override])
    for name in where.split("."):
        found = getattr(found, name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("pretrain.batchsize=3", "Unknown config key pretrain.batchsize. Did you mean pretrain.ba"),
        ("pretrian.steps=3", "Unknown config key pretrian. Did you mean pretrain?"),
        ("pretrain.warmup.zzzz=3", "Unknown config key pretrain.warmup.zzzz. Valid: null_steps,"),
        ("pretrain.steps=many", "pretrain.steps must be of type int. Received: 'many'"),
        ("pretrain.steps=1.5", "pretrain.steps must be of type int"),
        ("pretrain.steps=true", "pretrain.steps must be of type int"),
        ("pretrain.steps=null", "pretrain.steps must be of type int"),
        ("model.embedder.dropout=true", "model.embedder.dropout must be of type float"),
        ("model.embedder.dropout=low", "model.embedder.dropout must be of type float"),
        ("runtime.jit_compile=1", "runtime.jit_compile must be of type bool"),
        ("pretrain=3", "pretrain must be a section. Received: 3"),
        ("evaluation.recall_at=5", "evaluation.recall_at must be a list. Received: 5"),
        ("evaluation.recall_at=[five]", "evaluation.recall_at must be of type int"),
        ("pretrain.steps", "--set needs key.key=value. Received: 'pretrain.steps'"),
        ("pretrain.steps=[1", "--set pretrain.steps=[1 is not valid YAML"),
        ("blocks.length=8", "blocks.length must be at least 16. Received: 8"),
        ("blocks.num_shards=-1", "blocks.num_shards must be from 0"),
        ("model.reader.encoder.hidden_size=50", "multiple of num_heads. Received: 50 and 12"),
        ("model.reader.encoder.activation=relu", "gelu_erf or gelu_tanh. Received: 'relu'"),
        ("pretrain.refresh.on_stale=never", "warn, wait or stop. Received: 'never'"),
        ("pretrain.objective=word", "token or span. Received: 'word'"),
        ("pretrain.num_candidates=1", "must be at least 2. Received: 1"),
        ("retrieval.index=faiss", "exact, scann or ivf. Received: 'faiss'"),
        ("retrieval.dtype=int4", "float32, float16 or int8. Received: 'int4'"),
        ("retrieval.embed_dtype=float16", "float32 or bfloat16. Received: 'float16'"),
        ("corpus.max_record_mb=0", "corpus.max_record_mb must be from 1 to 1024. Received: 0"),
        ("corpus.split_mb=0", "corpus.split_mb must be at least 1. Received: 0"),
        ("corpus.min_words=-1", "corpus.min_words must be at least 0. Received: -1"),
        ("corpus.unicode_form=NFD", "NFC, NFKC or none. Received: 'NFD'"),
        ("blocks.template=title", "title_body or body. Received: 'title'"),
        ("model.embedder.pooling=max", "cls or mean. Received: 'max'"),
        ("model.embedder.normalisation=l1", "layer_norm, l2 or none. Received: 'l1'"),
        ("model.embedder.projection_size=0", "projection_size must be at least 1. Received: 0"),
    ],
)
def test_wrong_setting_is_refused(override, message):
    with pytest.raises(types.UserError) as error:
        config.load(None, [override])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_override_inside_a_value_is_refused():
    with pytest.raises(types.UserError, match="'seed' is a value, not a section"):
        config.load(None, ["seed=1", "seed.inner=2"])


@pytest.mark.parametrize(
    ("override", "name"),
    [
        ("blocks.length=600", "blocks.length is 600"),
        ("pretrain.query_length=300", "pretrain.query_length + blocks.length is 588"),
        ("open_qa.reader_length=513", "open_qa.reader_length is 513"),
        ("model.embedder.encoder.max_positions=287", "blocks.length is 288"),
    ],
)
def test_lengths_must_fit_the_encoders(override, name):
    with pytest.raises(types.UserError) as error:
        config.load(None, [override])
    assert name in str(error.value)
    assert "max_positions" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not valid YAML"),
        ("- 1\n- 2\n", "must hold a mapping"),
        ("just words", "must hold a mapping"),
        ("5: 6", "Unknown config key 5"),
    ],
)
def test_bad_file_is_refused_in_one_line(tmp_path, text, message):
    path = _write(tmp_path, text)
    with pytest.raises(types.UserError, match=message) as error:
        config.load(path)
    assert "\n" not in str(error.value)


def test_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"seed: \xff\xfe\n")
    with pytest.raises(types.UserError, match="is not valid YAML"):
        config.load(str(path))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(types.UserError, match=r"No such config file: .*nowhere\.yaml"):
        config.load(str(tmp_path / "nowhere.yaml"))


def test_directory_is_refused(tmp_path):
    with pytest.raises(types.UserError, match="Cannot read the config file"):
        config.load(str(tmp_path))


def test_dumped_config_is_loaded_equal(tmp_path):
    overrides = ["seed=5", "evaluation.recall_at=[1, 3]", "pretrain.optimizer.learning_rate=2e-5"]
    cfg = config.load(None, [*overrides, "runtime.tpu=local", "retrieval.index=scann"])
    assert config.load(_write(tmp_path, config.dump(cfg))) == cfg


def test_to_dict_and_from_dict_are_inverse():
    section = config.EmbedderConfig(two_towers=True, projection_size=7)
    values = config.to_dict(section)
    assert values["encoder"]["hidden_size"] == 768
    assert config.from_dict(config.EmbedderConfig, values) == section


def test_mapping_is_read_and_dumped(tmp_path):
    cfg = config.load(None, ["span_tagger.label_map={city: LOC, album: O}"])
    assert cfg.span_tagger.label_map == {"city": "LOC", "album": "O"}
    assert config.load(_write(tmp_path, config.dump(cfg))) == cfg


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("span_tagger.label_map=LOC", "span_tagger.label_map must be a mapping"),
        ("span_tagger.label_map={a: 1}", "span_tagger.label_map.a must be of type str"),
        ("span_tagger.label_map={1: a}", "a key of span_tagger.label_map must be of type str"),
        ("corpus.metadata_fields={a: int}", r"fields\['a'\] must be string, number or date"),
        ("corpus.metadata_fields={text: string}", "corpus.metadata_fields must name fields of the"),
        ("corpus.metadata_fields={a>b: string}", "that can stand in a filter: without <, >, =,"),
        ("corpus.metadata_fields={a;b: string}", "that can stand in a filter: without <, >, =,"),
        ("span_tagger.length=600", "span_tagger.length must be at most encoder.max_positions"),
        ("span_tagger.length=8", "span_tagger.length must be at least 16"),
        ("span_tagger.steps=250", "span_tagger.steps must be a multiple of evaluate_every_steps"),
        ("span_tagger.dtype=int8", "span_tagger.dtype must be float32 or bfloat16"),
    ],
)
def test_settings_that_are_mappings_or_the_taggers_are_checked(override, message):
    with pytest.raises(types.UserError, match=message):
        config.load(None, [override])


def test_without_projection_a_vector_has_the_encoders_size():
    assert config.load(None, ["model.embedder.projection_size=7"]).model.embedder.embed_dim == 7
    no_projection = config.load(None, ["model.embedder.projection_size=null"])
    assert no_projection.model.embedder.embed_dim == 768


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.Config().seed = 3


@pytest.mark.parametrize("path", sorted(_CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_config_loads(path, tmp_path):
    assert config.load(str(path), _starts(path, tmp_path)) != config.Config()


def _starts(path, folder):
    """What the model.yaml of a run sets that a configuration without any training needs."""
    return [f"init.open_qa={folder}"] if path.stem == "own_corpus" else []


def test_a_later_file_changes_what_it_names(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("seed: 3\nict: {steps: 5, batch_size: 7}\nmodel: {reader: {span_size: 9}}\n")
    second.write_text("ict: {steps: 6}\nmodel: {embedder: {pooling: mean}}\n")
    loaded = config.load([str(first), str(second)], ["seed=4"])
    assert (loaded.seed, loaded.ict.steps, loaded.ict.batch_size) == (4, 6, 7)
    assert (loaded.model.reader.span_size, loaded.model.embedder.pooling) == (9, "mean")
    assert config.load([str(second), str(first)]).ict.steps == 5
    assert config.load(()) == config.Config()


@pytest.mark.parametrize("anchor", [True, False])
def test_sections_that_share_an_anchor_stay_apart(tmp_path, anchor):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    encoder = "{num_layers: 3}"
    other = "*e" if anchor else encoder
    first.write_text(
        f"model:\n  embedder:\n    encoder: &e {encoder}\n  reader:\n    encoder: {other}\n"
    )
    second.write_text("model: {reader: {encoder: {num_layers: 2}}}\n")
    model = config.load([str(first), str(second)]).model
    assert (model.embedder.encoder.num_layers, model.reader.encoder.num_layers) == (3, 2)


@pytest.mark.parametrize(("name", "count"), [("own_corpus", 2), ("squad_plus", 4)])
def test_variants_in_comments_load(tmp_path, monkeypatch, name, count):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("answering").mkdir()  # of realm convert --from realm-run
    path = _CONFIGS / f"{name}.yaml"
    _, _, tail = path.read_text(encoding="utf-8").partition("\nevaluation:\n")
    groups = itertools.groupby(tail.splitlines(), lambda line: line.startswith("#   "))
    variants = ["\n".join(line[1:] for line in lines) for is_yaml, lines in groups if is_yaml]
    assert len(variants) == count
    starts = _starts(path, tmp_path)
    for text in variants:
        variant = tmp_path / "variant.yaml"
        variant.write_text(text)
        assert config.load([str(path), str(variant)], starts) != config.load(str(path), starts)


@pytest.mark.parametrize("text", ["off", "'off'", '"off"'])
def test_mode_off_needs_no_quotes(text):
    loaded = config.load(None, [f"pretrain.refresh.mode={text}"])
    assert loaded.pretrain.refresh.mode == "off"
    assert config.from_dict(config.Config, yaml.safe_load(config.dump(loaded))) == loaded


def test_settings_are_replaced_and_checked():
    cfg = config.load(None)
    found = config.replaced(cfg, {"seed": 4, "pretrain.refresh.every_steps": 7})
    assert (found.seed, found.pretrain.refresh.every_steps) == (4, 7)
    assert config.replaced(found, {"seed": 0, "pretrain.refresh.every_steps": 500}) == cfg
    with pytest.raises(types.UserError, match=r"pretrain\.refresh\.every_steps must be"):
        config.replaced(cfg, {"pretrain.refresh.every_steps": 0})
