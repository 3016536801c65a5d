# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Foreign names of BERT's variables, for code bases that descend from Google's BERT.

They agree on the words and differ in what stands between and behind them: `hf_names`, `tf1_names`.
"""

from __future__ import annotations

import dataclasses

from realm_tf.models.import_weights import mapping

_EMBEDDINGS = {
    "embeddings/word_embeddings": "word_embeddings",
    "embeddings/position_embeddings": "position_embeddings",
    "embeddings/token_type_embeddings": "type_embeddings",
}
_DENSE_IN_LAYER = {
    "attention/self/query": "query",
    "attention/self/key": "key",
    "attention/self/value": "value",
    "attention/output/dense": "attention_output",
    "intermediate/dense": "intermediate",
    "output/dense": "output",
}
_NORM_IN_LAYER = {
    "attention/output/LayerNorm": "attention_norm",
    "output/LayerNorm": "output_norm",
}


@dataclasses.dataclass(frozen=True)
class Dialect:
    """How one code base writes the names of BERT's variables.

    Attributes:
      separator: Separator between the words of a name.
      layers: Part of a name before the number of a layer.
      embedding: Ending of the name of an embedding table.
      dense_parts: Names of kernel and bias of a dense layer.
      norm_parts: Names of scale and offset of a LayerNorm.
      transposed: Whether kernels are stored as [outputs, inputs].
    """

    separator: str
    layers: str
    embedding: str
    dense_parts: tuple[str, str]
    norm_parts: tuple[str, str]
    transposed: bool

    def dense(self, source: str, target: str) -> list[mapping.Rule]:
        """Rules for kernel and bias of a dense layer."""
        kernel, bias = (f"{source}{self.separator}{part}" for part in self.dense_parts)
        return [
            mapping.Rule(kernel, f"{target}/kernel", transposed=self.transposed),
            mapping.Rule(bias, f"{target}/bias"),
        ]

    def norm(self, source: str, target: str) -> list[mapping.Rule]:
        """Rules for scale and offset of a LayerNorm."""
        gamma, beta = (f"{source}{self.separator}{part}" for part in self.norm_parts)
        return [mapping.Rule(gamma, f"{target}/gamma"), mapping.Rule(beta, f"{target}/beta")]

    def embeddings(self, source: str) -> dict[str, str]:
        """Our names of the embedding tables by their foreign names under the prefix `source`."""
        return {f"{source}{self._name(s)}{self.embedding}": t for s, t in _EMBEDDINGS.items()}

    def encoder(
        self, num_layers: int, source: str, target: str = "", *, pooler: bool = True
    ) -> list[mapping.Rule]:
        """Rules for a BERT encoder, foreign names under `source` and ours under `target`."""
        to = f"{target}encoder/"
        rules = [mapping.Rule(s, f"{to}{t}") for s, t in self.embeddings(source).items()]
        rules += self.norm(f"{source}{self._name('embeddings/LayerNorm')}", f"{to}embeddings_norm")
        for i in range(num_layers):
            of, into = f"{source}{self.layers}{i}{self.separator}", f"{to}layer_{i}/"
            for s, t in _DENSE_IN_LAYER.items():
                rules += self.dense(f"{of}{self._name(s)}", f"{into}{t}")
            for s, t in _NORM_IN_LAYER.items():
                rules += self.norm(f"{of}{self._name(s)}", f"{into}{t}")
        if pooler:
            rules += self.dense(f"{source}{self._name('pooler/dense')}", f"{to}pooler")
        return rules

    def masked_lm(self, source: str, *, bias: str) -> list[mapping.Rule]:
        """Rules for the MLM head under the prefix `source`; its decoder is the word embeddings."""
        head = f"{source}predictions{self.separator}"
        return [
            *self.dense(f"{head}{self._name('transform/dense')}", "masked_lm/dense"),
            *self.norm(f"{head}{self._name('transform/LayerNorm')}", "masked_lm/norm"),
            mapping.Rule(f"{head}{bias}", "masked_lm/bias"),
        ]

    def _name(self, words: str) -> str:
        return words.replace("/", self.separator)
