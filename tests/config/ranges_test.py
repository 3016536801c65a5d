# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is outside the range of a setting is refused by its name; what is at the border is taken."""

import dataclasses
import json
import math
import string
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from realm_tf import config, types
from realm_tf.config import ranges

# What a border needs beside it, by the name of the setting.
_BESIDE: dict[str, dict[str, Any]] = {
    "hidden_size": {"num_heads": 1},
    "steps": {"evaluate_every_steps": 1},
    "reader_length": {"query_length": 3},
    "num_searched": {"num_read": 1},
    "on_stale": {"max_staleness_steps": 0},
    "read": {"bm25_blocks": 1},
}


def _walk(section: ranges.Section, prefix: str = "") -> Iterator[tuple[str, ranges.Section, str]]:
    """(key, section, name) of every setting."""
    for name in section.settings():
        yield f"{prefix}{name}", section, name
    for name, inner in section.sections().items():
        yield from _walk(inner, f"{prefix}{name}.")


_SETTINGS = {key: (section, name) for key, section, name in _walk(config.Config())}


def _kind(section: ranges.Section, name: str) -> str:
    (kind,) = [str(field.type) for field in dataclasses.fields(section) if field.name == name]
    return kind


def _refusal(*overrides: str) -> str:
    with pytest.raises(types.UserError) as error:
        config.load(None, overrides)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def _outside(spec: ranges.Spec, *, whole: bool) -> st.SearchStrategy:
    """Numbers outside a range, and what is no such number."""
    low = spec.at_least if spec.above is None else spec.above
    high = spec.at_most if spec.below is None else spec.below
    if whole:
        below, over = st.integers(max_value=int(low) - 1), st.integers(min_value=int(high) + 1)
    else:
        options = {"allow_infinity": True, "allow_nan": False}
        below = st.floats(max_value=low, exclude_max=spec.above is None, **options)
        over = st.floats(min_value=high, exclude_min=spec.below is None, **options)
    wrong = [math.nan, math.inf, -math.inf, True, False, "", "many", [], [1], {}, {"a": 1}]
    return st.one_of(below, over, st.sampled_from([*wrong, *([1.5] if whole else [])]))


def _texts(*refused: str) -> st.SearchStrategy:
    return st.text(string.ascii_letters + string.digits + " /.-", min_size=1).filter(
        lambda text: text not in refused
    )


def _bad(section: ranges.Section, name: str) -> st.SearchStrategy:
    """Values that a setting does not take."""
    spec, kind = section.settings()[name], _kind(section, name)
    plain = kind.removesuffix(" | None")
    no_text = st.sampled_from(["", "  ", 5, 1.5, True, [], ["a"], {}, {"a": "b"}])
    values = {
        "bool": st.sampled_from([0, 1, 2.5, "maybe", [], [True], {}]),
        "int": _outside(spec, whole=True),
        "float": _outside(spec, whole=False),
        "str": st.one_of(no_text, _texts(*spec.choices)) if spec.choices else no_text,
        "Mapping[str, str]": st.sampled_from([5, "a", ["a"], {"a": 1}, {"a": ""}, {"": "a"}]),
        "tuple[int, ...]": st.one_of(
            st.sampled_from([5, 5.5, "5", True, [], {}, [1, 1], [[1]], [True], ["1"], [math.nan]]),
            st.lists(st.integers(max_value=int(spec.at_least) - 1), min_size=1),
            st.lists(st.integers(min_value=ranges.LARGEST + 1), min_size=1),
        ),
        "tuple[str, ...]": st.one_of(
            st.sampled_from([5, True, "a", [], {}, [1], [["a"]], [True]]),
            st.sampled_from(spec.choices or ("",)).map(lambda choice: [choice, choice]),
            st.lists(_texts(*spec.choices), min_size=1),
        ),
    }[plain]
    if spec.path:
        values = values | _texts(*spec.words).map(lambda text: f"nowhere/{text}")
    return values if kind.endswith(" | None") else values | st.none()


@pytest.mark.parametrize("key", _SETTINGS)
@hypothesis.given(data=st.data())
@hypothesis.settings(max_examples=15)
def test_what_is_outside_is_refused_by_its_name(key, data):
    value = data.draw(_bad(*_SETTINGS[key]))
    message = _refusal(f"{key}={json.dumps(value)}")
    assert message.startswith(key)
    assert "Received: " in message


def _borders(section: ranges.Section, name: str) -> Iterator[Any]:
    """The values at the borders of what a setting takes."""
    spec, kind = section.settings()[name], _kind(section, name)
    if kind.endswith(" | None"):
        yield None
    if kind.startswith("bool"):
        yield from (False, True)
    if kind.startswith("str"):
        yield from (*spec.choices, *spec.words)
    if kind.startswith("int"):
        yield from (int(spec.at_least), *([int(spec.at_most)] if name not in _BESIDE else []))
    if kind.startswith("float"):
        yield spec.at_least if spec.above is None else math.nextafter(spec.above, math.inf)
        yield spec.at_most if spec.below is None else math.nextafter(spec.below, -math.inf)
    if kind.startswith("tuple[str"):
        yield from ([spec.choices[0]], list(spec.choices))
    elif kind.startswith("tuple"):
        yield from ([] if name in _PAIRS else [[int(spec.at_least)]])
        yield [int(spec.at_least), ranges.LARGEST]


# Lists of two numbers.
_PAIRS = {"profile_steps"}
# The largest of these cannot be taken without another setting that is as large.
_BOUND = {
    *("num_heads", "num_leaves_to_search", "num_read", "query_length", "length", "tag_column"),
    *("warmup_steps", "evaluate_every_steps"),
}


@pytest.mark.parametrize("key", _SETTINGS)
def test_what_is_at_the_border_is_taken(key):
    section, name = _SETTINGS[key]
    for value in _borders(section, name):
        if name in _BOUND and value == section.settings()[name].at_most:
            continue
        beside = {k: v for k, v in _BESIDE.get(name, {}).items() if hasattr(section, k)}
        made = config.from_dict(type(section), {**config.to_dict(section), **beside, name: value})
        found = getattr(made, name)
        assert (list(found) if isinstance(found, tuple) else found) == value


def test_largest_number_is_named_only_where_it_is_passed():
    assert _refusal("ict.steps=-1") == "ict.steps must be at least 0. Received: -1."
    message = "ict.steps must be from 0 to 2147483647. Received: 2147483648."
    assert _refusal("ict.steps=2147483648") == message


def test_long_value_is_shown_in_part():
    message = _refusal(f"ict.steps={'x' * 5000}")
    assert message.startswith("ict.steps must be of type int. Received: 'xxx")
    assert message.endswith("xxx....")


def test_value_that_yaml_takes_for_another_type_gets_a_hint():
    assert _refusal("blocks.language=no").endswith("Received: False. Put it into quotes.")
    assert config.load(None, ['blocks.language="no"']).blocks.language == "no"


def test_section_made_in_python_checks_itself():
    with pytest.raises(types.UserError, match=r"^batch_size must be at least 2\. Received: 0\.$"):
        config.IctConfig(batch_size=0)
    with pytest.raises(types.UserError, match=r"^learning_rate must be above 0 and at most 1\."):
        dataclasses.replace(config.OptimizerConfig(), learning_rate=math.nan)


@pytest.mark.parametrize(
    "name", ["init.embedder", "init.reader", "init.open_qa", "init.tagger", "tagging.tagger"]
)
def test_directory_must_be_there(tmp_path, name):
    file = tmp_path / "file"
    file.write_text("")
    assert config.load(None, [f"{name}={tmp_path}"])
    for path in (file, tmp_path / "nowhere"):
        assert _refusal(f"{name}={path}").endswith(f"Received: '{path}'.")


@pytest.mark.parametrize("name", ["vocab.file", "tagging.dates"])
def test_file_must_be_there(tmp_path, name):
    file = tmp_path / "words.yaml"
    file.write_text("")
    assert config.load(None, [f"{name}={file}"])
    for path in (tmp_path, tmp_path / "nowhere.yaml"):
        assert str(path) in _refusal(f"{name}={path}")


def test_remote_path_is_left_to_what_reads_it():
    assert config.load(None, ["vocab.file=gs://bucket/vocab.txt"])


@pytest.mark.parametrize("code", ["xx", "EN", "english", "deu", "de-DE", "zh_hant", "e"])
def test_unknown_language_is_refused(code):
    message = _refusal(f"blocks.language={code}")
    assert message.startswith("blocks.language must be a code of ISO 639-1")
    assert message.endswith(f"Received: '{code}'.")


@pytest.mark.parametrize("code", ["de", "sv", "zh-hant", "pt-br", "ast"])
def test_known_language_is_taken(code):
    assert config.load(None, [f"blocks.language={code}"]).blocks.language == code
