# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tagger learns, keeps its best weights, is measured as it is exported, and resumes."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from realm_tf import artifacts, config, types
from realm_tf.config import parsing
from realm_tf.data.tagging import bio, conll
from realm_tf.evaluation import entities
from realm_tf.models import weights
from realm_tf.models.import_weights import imported
from realm_tf.models.inference import span_finder, tagger_export
from realm_tf.text import vocabulary
from realm_tf.training.experiments import span_tagger
from tests.models import tiny
from tests.text import vocabularies

_ENCODER = {
    "hidden_size": 16,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_size": 32,
    "max_positions": 32,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
_SETTINGS = {
    "span_tagger": {
        "steps": 60,
        "batch_size": 8,
        "length": 32,
        "encoder": _ENCODER,
        "dropout": 0.0,
        "optimizer": {"learning_rate": 0.01},
        "evaluate_every_steps": 20,
    }
}
_NAMES = ("Warsaw/B-LOC", "Louis/B-PER", "New/B-LOC York/I-LOC", "Chicago/B-LOC Lou/B-PER")


def _lines(count: int, start: int = 0) -> str:
    sentences = (f"the river of {_NAMES[n % 4]} was in {_NAMES[n % 3]}" for n in range(count))
    words = "\n\n".join("\n".join(sentence.split()) for sentence in list(sentences)[start:])
    tagged = (line if "/" in line or not line else f"{line}/O" for line in words.split("\n"))
    return "\n".join(tagged).replace("/", "\t") + "\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> span_tagger.Data:
    root = tmp_path_factory.mktemp("tagger_data")
    files = {}
    for part, text in (("train", _lines(24)), ("dev", _lines(12)), ("test", _lines(18, start=5))):
        files[part] = [str(root / f"{part}.conll")]
        (root / f"{part}.conll").write_text(text)
    vocab = vocabulary.write_segment(str(root), vocabularies.small(), lower_case=True)
    return span_tagger.Data(**files, vocab=vocab)


def _config(*overrides: str) -> config.Config:
    values = json.loads(json.dumps(_SETTINGS))
    for override in overrides:
        parsing.apply_override(values, override)
    return config.from_dict(config.Config, values)


def _train(data, root, *overrides, score=entities.score):
    return span_tagger.train(_config(*overrides), data, str(root), score=score)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory) -> artifacts.Segment:
    return _train(data, tmp_path_factory.mktemp("trained"))


def test_it_learns_and_says_what_it_was_measured_on(data, trained):
    assert trained.settings["labels"] == ["LOC", "PER"]
    assert trained.counts["dev_f1"] == trained.counts["test_f1"] == 1.0
    assert set(trained.made_from) == {"tokenizer", "train", "dev", "test"}
    metrics = json.loads(pathlib.Path(trained.file(tagger_export.METRICS)).read_text())
    gold = [s.tags for s in conll.read(data.test[0])]
    name = "/".join(data.test[0].split("/")[-2:])
    assert set(metrics["test"]) == {name, "all"}
    assert metrics["test"][name]["LOC"]["gold"] == sum(
        span.label == "LOC" for tags in gold for span in bio.spans(tags)
    )
    finder = span_finder.SpanFinder(trained)
    assert [s.label for s in finder.find(["The river of New York was in Warsaw."])[0]] == [
        "LOC",
        "LOC",
    ]


def test_complete_segment_is_not_made_again(data, trained):
    def refuse(gold, predicted):
        raise AssertionError("it was measured again")

    assert _train(data, pathlib.Path(trained.path).parent, score=refuse) == trained


def test_files_of_one_name_are_told_apart(data, tmp_path):
    files = []
    for folder in ("a/ner", "b/ner"):
        (tmp_path / folder).mkdir(parents=True)
        files.append(str(tmp_path / folder / "test.conll"))
        pathlib.Path(files[-1]).write_text(_lines(2))
    two = dataclasses.replace(data, test=files)
    made = _train(two, tmp_path, "span_tagger.steps=20")
    metrics = json.loads(pathlib.Path(made.file(tagger_export.METRICS)).read_text())
    assert set(metrics["test"]) == {*files, "all"}


class _Scores:
    """Figures as a list says, whatever was predicted; killed where it says None."""

    def __init__(self, *values):
        self._values = list(values)
        self.calls = 0

    def __call__(self, gold, predicted):
        if not self._values:  # of the test part
            return entities.score(gold, predicted)
        if self.calls % 2 == 0 and self._values[0] is None:
            raise KeyboardInterrupt
        self.calls += 1  # a file's, and then that of all files
        value = self._values[0] if self.calls % 2 else self._values.pop(0)
        return {"micro": {"precision": 0.0, "recall": 0.0, "f1": value}}


def _weights(segment):
    inputs = tiny.inputs(2, 9, vocab_size=len(vocabularies.small()))
    return tagger_export.load(segment)(inputs)


def test_best_weights_are_kept_not_the_last(data, tmp_path, caplog):
    middle = _train(data, tmp_path / "a", score=_Scores(0.2, 0.9, 0.5))
    last = _train(data, tmp_path / "b", score=_Scores(0.2, 0.5, 0.9))
    assert (middle.counts["best_step"], last.counts["best_step"]) == (40, 60)
    assert np.abs(_weights(middle) - _weights(last)).max() > 1e-3
    assert "LeanTagger" not in caplog.text  # a warning that it was traced too often


def test_killed_run_ends_as_one_in_one_go(data, tmp_path):
    whole = _train(data, tmp_path / "whole", score=_Scores(0.2, 0.9, 0.5))
    with pytest.raises(KeyboardInterrupt):
        _train(data, tmp_path / "parts", score=_Scores(0.2, 0.9, None))
    resumed = _train(data, tmp_path / "parts", score=_Scores(0.5))
    assert resumed.counts["best_step"] == whole.counts["best_step"] == 40
    assert resumed.path.rpartition("/")[2] == whole.path.rpartition("/")[2]
    np.testing.assert_array_equal(_weights(resumed), _weights(whole))


def test_it_starts_from_given_weights(data, tmp_path):
    cfg = _config().span_tagger.encoder
    model = imported.bert_network(cfg, len(vocabularies.small()), masked_lm=False)
    tiny.randomise(model, seed=7)
    weights.save(
        model,
        str(tmp_path / "bert_weights"),
        kind="bert_weights",
        settings={
            "model": {"reader": {"encoder": config.to_dict(cfg)}},
            "masked_lm": False,
        },
        made_from={"source": "s"},
        counts={},
    )
    settings = (f"init.tagger={tmp_path}", "span_tagger.optimizer.learning_rate=1e-9")
    settings += ("span_tagger.steps=20",)
    made = _train(data, tmp_path / "a", *settings)
    assert made.made_from["init"]
    random = _train(data, tmp_path / "b", *settings[1:])
    embeddings = _word_embeddings(made)
    np.testing.assert_allclose(embeddings, model.encoder.embedding_table.numpy(), atol=1e-6)
    assert np.abs(embeddings - _word_embeddings(random)).max() > 0.1
    with pytest.raises(types.UserError, match=r"span_tagger.encoder.activation is gelu_tanh"):
        _train(data, tmp_path, settings[0], "span_tagger.encoder.activation=gelu_tanh")


def _word_embeddings(segment):
    import tensorflow as tf

    loaded = tf.saved_model.load(segment.file(artifacts.SAVED_MODEL))
    return loaded._encoder._words.numpy()


def test_files_without_a_label_are_refused(data, tmp_path):
    with pytest.raises(types.UserError, match="there is nothing to find"):
        _train(data, tmp_path, "span_tagger.label_map={LOC: O, PER: O}")


def test_labels_are_renamed(data, tmp_path):
    settings = ("span_tagger.label_map={LOC: PLACE, PER: O}", "span_tagger.steps=20")
    made = _train(data, tmp_path, *settings)
    assert made.settings["labels"] == ["PLACE"]
