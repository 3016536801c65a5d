# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Names of the PyTorch implementations: `transformers`' BERT and REALM state dicts.

Source: modeling_bert.py and realm/modeling_realm.py of transformers 4.40. Kernels are
[outputs, inputs], so they are transposed; heads are not a dimension of their own.
"""

from __future__ import annotations

from collections.abc import Iterable

from realm_tf.models.import_weights import mapping

_EMBEDDINGS = {
    "embeddings.word_embeddings.weight": "word_embeddings",
    "embeddings.position_embeddings.weight": "position_embeddings",
    "embeddings.token_type_embeddings.weight": "type_embeddings",
}
_DENSE_IN_LAYER = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "intermediate.dense": "intermediate",
    "output.dense": "output",
}
_NORM_IN_LAYER = {
    "attention.output.LayerNorm": "attention_norm",
    "output.LayerNorm": "output_norm",
}
BUFFERS = mapping.Unused(r"(.*\.)?embeddings\.(position_ids|token_type_ids)", "a constant buffer")


def dense(source: str, target: str) -> list[mapping.Rule]:
    """Kernel and bias of a dense layer."""
    return [
        mapping.Rule(f"{source}.weight", f"{target}/kernel", transposed=True),
        mapping.Rule(f"{source}.bias", f"{target}/bias"),
    ]


def norm(source: str, target: str) -> list[mapping.Rule]:
    """Scale and offset of a LayerNorm."""
    return [
        mapping.Rule(f"{source}.weight", f"{target}/gamma"),
        mapping.Rule(f"{source}.bias", f"{target}/beta"),
    ]


def encoder(
    num_layers: int, source: str, target: str = "", *, pooler: bool = True
) -> list[mapping.Rule]:
    """A BERT encoder under the prefixes `source` and `target`."""
    to = f"{target}encoder/"
    rules = [mapping.Rule(f"{source}{s}", f"{to}{t}") for s, t in _EMBEDDINGS.items()]
    rules += norm(f"{source}embeddings.LayerNorm", f"{to}embeddings_norm")
    for i in range(num_layers):
        of, into = f"{source}encoder.layer.{i}.", f"{to}layer_{i}/"
        for s, t in _DENSE_IN_LAYER.items():
            rules += dense(f"{of}{s}", f"{into}{t}")
        for s, t in _NORM_IN_LAYER.items():
            rules += norm(f"{of}{s}", f"{into}{t}")
    return rules + (dense(f"{source}pooler.dense", f"{to}pooler") if pooler else [])


def masked_lm(source: str = "cls.") -> list[mapping.Rule]:
    """BERT's MLM head, whose decoder is tied to the word embeddings."""
    return [
        *dense(f"{source}predictions.transform.dense", "masked_lm/dense"),
        *norm(f"{source}predictions.transform.LayerNorm", "masked_lm/norm"),
        mapping.Rule(f"{source}predictions.bias", "masked_lm/bias"),
    ]


def tied_decoder(embeddings: str, source: str = "cls.") -> list[mapping.Unused]:
    """The copies that a state dict holds of an MLM head's tied weights."""
    head = f"{source}predictions."
    escaped = head.replace(".", r"\.")
    return [
        mapping.Unused(rf"{escaped}decoder\.weight", "tied to the word embeddings", embeddings),
        mapping.Unused(rf"{escaped}decoder\.bias", "a copy of the head's bias", f"{head}bias"),
    ]


def normalised(tensors: Iterable[str]) -> dict[str, str]:
    """Old names of LayerNorm weights (`gamma`, `beta`) as they are called today: old to new."""
    ends = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
    return {
        name: next((name.removesuffix(o) + n for o, n in ends.items() if name.endswith(o)), name)
        for name in tensors
    }
