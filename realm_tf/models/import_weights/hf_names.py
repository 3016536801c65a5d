# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Names of variables in PyTorch state dicts of BERT and REALM (Hugging Face `transformers`).

Source: modeling_bert.py and realm/modeling_realm.py of transformers 4.40. Kernels are
[outputs, inputs], so they are transposed; heads are not a dimension of their own.
"""

from __future__ import annotations

from collections.abc import Iterable

from realm_tf.models.import_weights import bert_names, mapping

NAMES = bert_names.Dialect(
    separator=".",
    layers="encoder.layer.",
    embedding=".weight",
    dense_parts=("weight", "bias"),
    norm_parts=("weight", "bias"),
    transposed=True,
)
BUFFERS = mapping.Unused(r"(.*\.)?embeddings\.(position_ids|token_type_ids)", "a constant buffer")


def masked_lm() -> list[mapping.Rule]:
    """Rules for the MLM head in a PyTorch state dict of BERT; its decoder is tied to embeddings."""
    return NAMES.masked_lm("cls.", bias="bias")


def tied_decoder(embeddings: str, source: str = "cls.") -> list[mapping.Unused]:
    """The unused copies of an MLM head's tied weights that a PyTorch state dict holds."""
    head = f"{source}predictions."
    escaped = head.replace(".", r"\.")
    return [
        mapping.Unused(rf"{escaped}decoder\.weight", "tied to the word embeddings", embeddings),
        mapping.Unused(rf"{escaped}decoder\.bias", "a copy of the head's bias", f"{head}bias"),
    ]


def normalised(tensors: Iterable[str]) -> dict[str, str]:
    """Names in PyTorch state dicts, old to new: LayerNorm's were once `gamma` and `beta`."""
    ends = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
    return {
        name: next((name.removesuffix(o) + n for o, n in ends.items() if name.endswith(o)), name)
        for name in tensors
    }
