# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings that are right by themselves and do not go together are refused by the name of one."""

import hypothesis
import pytest
from hypothesis import strategies as st

from realm_tf import config, types

_FEW = st.integers(min_value=1, max_value=400)


def _refused(key: str, *overrides: str) -> str:
    with pytest.raises(types.UserError) as error:
        config.load(None, overrides)
    message = str(error.value)
    assert message.startswith(key)
    assert "\n" not in message
    return message


@hypothesis.given(_FEW, st.integers(0, 50), st.sampled_from(["ict", "pretrain", "open_qa"]))
def test_warm_up_ends_before_the_training(steps, more, section):
    key = f"{section}.optimizer.warmup_steps"
    message = _refused(key, f"{section}.steps={steps}", f"{key}={steps + more}")
    assert f"below the {steps} steps" in message
    assert config.load(None, [f"{section}.steps={steps}", f"{key}={steps - 1}"])


@pytest.mark.parametrize("section", ["ict", "pretrain"])
def test_training_that_is_left_out_has_no_warm_up_to_check(section):
    assert config.load(None, [f"{section}.steps=0", f"{section}.optimizer.warmup_steps=30"])


@hypothesis.given(_FEW, _FEW)
def test_no_more_is_read_than_is_searched(searched, more):
    settings = (f"open_qa.num_searched={searched}", f"open_qa.num_read={searched + more}")
    _refused("open_qa.num_read", *settings)
    assert config.load(None, [settings[0], f"open_qa.num_read={searched}"])


@hypothesis.given(_FEW, _FEW)
def test_answering_reads_what_it_is_told(searched, more):
    settings = (f"open_qa.num_searched={searched}", "open_qa.num_read=1")
    _refused("evaluation.num_read", *settings, f"evaluation.num_read={searched + more}")
    made = config.load(None, [*settings, f"evaluation.num_read={searched}"])
    assert (made.open_qa.num_read, made.answering.open_qa.num_read) == (1, searched)
    assert config.load(None, settings).answering.open_qa.num_read == 1


def test_blocks_of_bm25_are_searched_and_asked_for():
    few = ("open_qa.num_searched=9", "open_qa.supervision.bm25_blocks=10")
    _refused("open_qa.supervision.bm25_blocks", *few)
    _refused("open_qa.supervision.bm25_blocks", "open_qa.supervision.read=both")
    read = ("open_qa.supervision.read=both", "open_qa.supervision.bm25_blocks=2")
    assert config.load(None, read)


@hypothesis.given(st.integers(17, 110), st.integers(0, 16))
def test_block_has_room_behind_the_question(length, less):
    settings = (f"open_qa.query_length={length}", f"open_qa.reader_length={length + 1 - less}")
    _refused("open_qa.reader_length", *settings)
    assert config.load(None, [settings[0], f"open_qa.reader_length={length + 2}"])


@hypothesis.given(
    _FEW,
    st.integers(min_value=2, max_value=64),
    st.sampled_from(["model.reader", "model.embedder", "span_tagger"]),
)
def test_heads_are_of_one_size(size, heads, network):
    settings = [f"{network}.encoder.hidden_size={size}", f"{network}.encoder.num_heads={heads}"]
    if size % heads:
        _refused(f"{network}.encoder.hidden_size", *settings)
    else:
        assert config.load(None, settings)


@pytest.mark.parametrize("change", ["num_layers=1", "num_heads=1", "num_heads=256"])
def test_induction_needs_layers_and_heads(change):
    encoder = "model.reader.encoder"
    _refused(f"{encoder}.initializer", f"{encoder}.initializer=induction", f"{encoder}.{change}")


@hypothesis.given(st.integers(1, 200))
def test_lengths_fit_the_network_that_reads_them(over):
    _refused("blocks.length", f"blocks.length={512 + over}")
    for section in ("ict", "pretrain", "open_qa"):
        key = f"{section}.query_length"
        _refused(key, f"{key}={512 + over}", "open_qa.reader_length=2000")
    _refused("pretrain.query_length + blocks.length", f"pretrain.query_length={224 + over}")
    _refused("open_qa.reader_length", f"open_qa.reader_length={512 + over}")


def test_embedder_may_be_shorter_than_what_the_reader_reads():
    assert config.load(None, ["model.embedder.encoder.max_positions=288"])


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("model.reader.max_span_width", ("model.reader.max_span_width=321",)),
        ("model.reader.encoder.type_vocab_size", ("model.reader.encoder.type_vocab_size=1",)),
        ("model.embedder.encoder.type_vocab_size", ("model.embedder.encoder.type_vocab_size=1",)),
        ("pretrain.refresh.on_stale", ("pretrain.refresh.on_stale=stop",)),
        ("pretrain.refresh.on_stale", ("pretrain.refresh.on_stale=wait",)),
        ("pretrain.refresh.on_stale",
         ("pretrain.refresh.on_stale=wait", "pretrain.refresh.mode=off",
          "pretrain.refresh.max_staleness_steps=9000")),
        ("pretrain.refresh.max_staleness_steps",
         ("pretrain.refresh.on_stale=stop", "pretrain.refresh.max_staleness_steps=502")),
        ("pretrain.refresh.max_staleness_steps",
         ("pretrain.refresh.on_stale=wait", "pretrain.refresh.max_staleness_steps=503",
          "runtime.prefetch_batches=5")),
        ("pretrain.warmup.distract",
         ("pretrain.warmup.distract=0.1", "pretrain.warmup.batch_size=1")),
        ("retrieval.num_leaves_to_search",
         ("retrieval.num_leaves=8", "retrieval.num_leaves_to_search=9")),
        ("span_tagger.length", ("span_tagger.length=64", "span_tagger.encoder.max_positions=32")),
        ("span_tagger.steps", ("span_tagger.steps=10", "span_tagger.evaluate_every_steps=4")),
        ("span_tagger.optimizer.warmup_steps", ("span_tagger.optimizer.warmup_steps=3000",)),
        ("span_tagger.tag_column", ("span_tagger.tag_column=0",)),
        ("tagging.dates", ("tagging.dates=rules.txt",)),
    ],
)  # fmt: skip
def test_combination_is_refused(key, settings):
    _refused(key, *settings)


@pytest.mark.parametrize(
    "settings",
    [
        ("ict.checkpoint_every_steps=200000", "pretrain.refresh.every_steps=300000"),
        ("pretrain.refresh.on_stale=stop", "pretrain.refresh.max_staleness_steps=503"),
        ("pretrain.refresh.on_stale=wait", "pretrain.refresh.max_staleness_minutes=0.5"),
        ("pretrain.refresh.max_staleness_steps=0",),
        ("model.embedder.encoder.type_vocab_size=1", "blocks.template=body"),
        ("evaluation.recall_at=[1, 100000]", "open_qa.num_searched=10"),
        ("retrieval.num_leaves=0", "retrieval.num_leaves_to_search=9"),
    ],
)
def test_combination_is_taken(settings):
    assert config.load(None, settings) != config.Config()


@pytest.mark.parametrize(
    "needs",
    [
        *("runtime.jit_compile=true", "runtime.accumulation_steps=2", "runtime.device_loop=true"),
        *("runtime.strategy=tpu", "runtime.strategy=multi_worker_mirrored"),
    ],
)
def test_compiled_steps_have_static_shapes(needs):
    _refused("runtime.static_shapes", needs, "runtime.static_shapes=false")
    assert config.load(None, [needs]).runtime.has_static_shapes
    assert not config.load(None).runtime.has_static_shapes
    assert config.load(None, ["runtime.static_shapes=true"]).runtime.has_static_shapes


def test_loops_on_the_device_do_not_accumulate():
    _refused("runtime.device_loop", "runtime.device_loop=true", "runtime.accumulation_steps=2")


def test_loops_on_the_device_do_not_replay(tmp_path):
    (tmp_path / "swaps.json").write_text("[]")
    replayed = f"pretrain.refresh.replay_swaps={tmp_path / 'swaps.json'}"
    _refused("pretrain.refresh.replay_swaps", "runtime.device_loop=true", replayed)
