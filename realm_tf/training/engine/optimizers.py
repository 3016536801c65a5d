# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's optimiser, from Model Garden: AdamW, linear warm-up, linear decay to zero.

Weight decay spares LayerNorms and biases; gradients are clipped to a global norm of 1 after they
were summed over replicas. Unlike the original BERT code's Adam, this one corrects the bias of its
moments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
from official.modeling import optimization

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.training.engine import fused_adamw

# Parts of the names of LayerNorms and biases, and of the scale of scores. A norm that is built
# alone has no name of a layer.
_NOT_DECAYED = ("layer_norm", "LayerNorm", "bias", "beta", "gamma", "log_scale")


def warmup_steps(config: config_lib.OptimizerConfig, train_steps: int) -> int:
    """Warm-up steps: as configured, or the original's min(10000, max(100, steps / 10))."""
    if config.warmup_steps is None:
        return min(10_000, max(100, train_steps // 10), train_steps // 2)
    if config.warmup_steps >= train_steps > 0:
        raise types.UserError(
            f"optimizer.warmup_steps is {config.warmup_steps}, but training has only {train_steps}"
            " steps: the learning rate would never leave the warm-up. Lower it."
        )
    return config.warmup_steps


def optimization_config(
    config: config_lib.OptimizerConfig, train_steps: int, learning_rate: float | None = None
) -> optimization.OptimizationConfig:
    """Model Garden's optimisation configuration for `config`."""
    rate = config.learning_rate if learning_rate is None else learning_rate
    return optimization.OptimizationConfig(
        {
            "optimizer": {
                "type": "adamw_experimental",
                "adamw_experimental": {
                    "weight_decay": config.weight_decay,
                    "epsilon": 1e-6,
                    "global_clipnorm": config.clip_norm,
                },
            },
            "learning_rate": {
                "type": "polynomial",
                "polynomial": {
                    "initial_learning_rate": rate,
                    "decay_steps": train_steps,
                    "end_learning_rate": 0.0,
                },
            },
            "warmup": {
                "type": "linear",
                "linear": {"warmup_steps": warmup_steps(config, train_steps)},
            },
        }
    )


def make_optimizer(
    config: config_lib.OptimizerConfig, train_steps: int, learning_rate: float | None = None
) -> Any:
    """One AdamW over all variables."""
    settings = optimization_config(config, train_steps, learning_rate)
    optimizer = fused_adamw.FusedAdamW(
        learning_rate=optimization.OptimizerFactory(settings).build_learning_rate(),
        weight_decay=config.weight_decay,
        epsilon=settings.optimizer.adamw_experimental.epsilon,
        global_clipnorm=config.clip_norm,
    )
    optimizer.exclude_from_weight_decay(var_names=list(_NOT_DECAYED))
    return optimizer


class SplitOptimizer(tf.Module):
    """Two optimisers over two sets of variables: ours, for a retriever slower than its reader.

    Each clips the gradients of its own variables.

    Args:
      main: Optimiser of every variable that is not in `others`.
      other: Optimiser of `other_variables`.
      other_variables: E.g. the retriever's.
    """

    def __init__(self, main: Any, other: Any, other_variables: Sequence[tf.Variable]):
        super().__init__()
        self.main = main
        self.other = other
        self._other_refs = frozenset(v.ref() for v in other_variables)

    @property
    def iterations(self) -> tf.Variable:
        """Steps taken."""
        return self.main.iterations

    @property
    def learning_rate(self) -> Any:
        """The main optimiser's."""
        return self.main.learning_rate

    def apply_gradients(self, grads_and_vars: Iterable[tuple[tf.Tensor, tf.Variable]]) -> None:
        """Applies each gradient by its variable's optimiser."""
        pairs = list(grads_and_vars)
        self.other.apply_gradients([p for p in pairs if p[1].ref() in self._other_refs])
        self.main.apply_gradients([p for p in pairs if p[1].ref() not in self._other_refs])

    def build(self, variables: Sequence[tf.Variable]) -> None:
        """Creates both optimisers' slots."""
        self.other.build([v for v in variables if v.ref() in self._other_refs])
        self.main.build([v for v in variables if v.ref() not in self._other_refs])


def make_split_optimizer(
    config: config_lib.PretrainConfig, retriever_variables: Sequence[tf.Variable]
) -> Any:
    """The optimiser of joint training: two of them if the retriever has a rate of its own."""
    reader = make_optimizer(config.optimizer, config.steps)
    rate = config.retriever_learning_rate
    if rate is None:
        return reader
    retriever = make_optimizer(config.optimizer, config.steps, rate)
    return SplitOptimizer(reader, retriever, retriever_variables)
