# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Public names of our networks' variables, by which weights are imported and exported.

The keys of a TensorFlow checkpoint are private attribute paths, and variable names depend on what
was made before. The names here depend on neither; importers map foreign names to them:

    encoder/word_embeddings                       [vocab_size, H]
    encoder/position_embeddings                   [max_positions, H]
    encoder/type_embeddings                       [type_vocab_size, H]
    encoder/embeddings_norm/{gamma,beta}          [H]
    encoder/layer_<i>/{query,key,value}/kernel    [H, heads, H / heads]; bias [heads, H / heads]
    encoder/layer_<i>/attention_output/kernel     [heads, H / heads, H]; bias [H]
    encoder/layer_<i>/attention_norm/{gamma,beta} [H]
    encoder/layer_<i>/intermediate/kernel         [H, intermediate_size]; bias
    encoder/layer_<i>/output/kernel               [intermediate_size, H]; bias [H]
    encoder/layer_<i>/output_norm/{gamma,beta}    [H]
    encoder/pooler/kernel                         [H, H]; bias [H]
    projection/kernel                             [H, projection_size]; bias       (towers)
    projection_norm/{gamma,beta}                  [embed_dim]                      (towers)
    log_scale                                     []               (towers that learn their scale)
    masked_lm/{dense/kernel,dense/bias,norm/gamma,norm/beta,bias}                  (MLM head)
    span/{projection,logit}/{kernel,bias}, span/norm/{gamma,beta}                  (span head)
    tag/kernel                                    [H, num_tags]; bias              (span tagger)
"""

from __future__ import annotations

import re

import tensorflow as tf

from realm_tf.models import embedder as embedder_lib
from realm_tf.models import encoder as encoder_lib
from realm_tf.models import open_qa_model, reader, span_tagger

Variables = dict[str, tf.Variable]

_BERT = re.compile(r".*bert_encoder_v2(_\d+)?/")  # what stands before a name in Model Garden's
_LAYER = re.compile(r"transformer/layer_(\d+)/(.+)")
_EMBEDDINGS = {
    "word_embeddings/embeddings": "word_embeddings",
    "position_embedding/embeddings": "position_embeddings",
    "type_embeddings/embeddings": "type_embeddings",
    "embeddings/layer_norm": "embeddings_norm",
    "pooler_transform": "pooler",
}
_IN_LAYER = {
    "self_attention/query": "query",
    "self_attention/key": "key",
    "self_attention/value": "value",
    "self_attention/attention_output": "attention_output",
    "self_attention_layer_norm": "attention_norm",
    "intermediate": "intermediate",
    "output": "output",
    "output_layer_norm": "output_norm",
}


def of_encoder(encoder: encoder_lib.Encoder) -> Variables:
    """The variables of an encoder by public name, pooler included."""
    named = {_encoder_name(v.name): v for v in encoder.bert.variables}
    if len(named) != len(encoder.bert.variables):
        raise ValueError(
            "Two variables of the encoder have the same name: Model Garden renamed some."
        )
    return named


def of_tower(tower: embedder_lib.Tower) -> Variables:
    """The variables of one tower of an embedder by public name."""
    named = of_encoder(tower.encoder)
    if tower.projection is not None:
        named |= _dense("projection", tower.projection)
    if tower.layer_norm is not None:
        named |= _norm("projection_norm", tower.layer_norm)
    if tower.log_scale is not None:
        named["log_scale"] = tower.log_scale
    return named


def of_embedder(model: embedder_lib.Embedder) -> Variables:
    """The variables of an embedder: `block/...`, and with two towers `query/...`, too."""
    named = _prefixed("block/", of_tower(model.block_tower))
    if model.query_tower is not model.block_tower:
        named |= _prefixed("query/", of_tower(model.query_tower))
    return named


def of_knowledge_encoder(model: reader.KnowledgeAugmentedEncoder) -> Variables:
    """The variables of a masked-LM reader. Its decoder is the word embeddings."""
    head = model.masked_lm
    return {
        **of_encoder(model.encoder),
        **_dense("masked_lm/dense", head.dense),
        **_norm("masked_lm/norm", head.layer_norm),
        "masked_lm/bias": head.bias,
    }


def of_span_reader(model: reader.SpanReader) -> Variables:
    """The variables of a span reader by public name."""
    return {
        **of_encoder(model.encoder),
        **_dense("span/projection", model.span_projection),
        **_norm("span/norm", model.span_norm),
        **_dense("span/logit", model.span_logit),
    }


def of_open_qa(model: open_qa_model.OpenQaModel) -> Variables:
    """The variables of an open-QA model: `query/...` of the tower, `reader/...` of the reader."""
    return {
        **_prefixed("query/", of_tower(model.query_tower)),
        **_prefixed("reader/", of_span_reader(model.reader)),
    }


def of_span_tagger(model: span_tagger.SpanTagger) -> Variables:
    """The variables of a span tagger by public name."""
    return {**of_encoder(model.encoder), **_dense("tag", model.classifier)}


def _encoder_name(name: str) -> str:
    name = _BERT.sub("", name).removesuffix(":0")
    layer = _LAYER.fullmatch(name)
    table, prefix = (_IN_LAYER, f"layer_{layer[1]}/") if layer else (_EMBEDDINGS, "")
    name = layer[2] if layer else name
    if name in table:
        return f"encoder/{prefix}{table[name]}"
    part, _, weight = name.rpartition("/")
    return f"encoder/{prefix}{table[part]}/{weight}"


def _dense(name: str, layer: tf.Module) -> Variables:
    return {f"{name}/kernel": layer.kernel, f"{name}/bias": layer.bias}


def _norm(name: str, layer: tf.Module) -> Variables:
    return {f"{name}/gamma": layer.gamma, f"{name}/beta": layer.beta}


def _prefixed(prefix: str, variables: Variables) -> Variables:
    return {f"{prefix}{name}": variable for name, variable in variables.items()}
