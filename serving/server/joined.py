# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Several loaded models that are served as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from serving import apart, requests, sharded, warmup
from serving.server import servable

Defs = Mapping[str, meta_graph_pb2.SignatureDef]


class Joined(servable.Servable):
    """Several models as one, whose warm-up requests are those of none of them."""

    def _warmup_requests(self) -> Iterator[tuple[str, servable.Arrays]]:
        return warmup.requests({name: one.inputs for name, one in self.signatures.items()})


def of_shards(
    path: str,
    system: sharded.System,
    of_shard: Defs,
    of_reader: Defs,
    record: Mapping[str, Any],
) -> Joined:
    """Serves the shards of a corpus and a reader.

    Args:
      path: Directory of the version; its last part is the number of the version.
      system: Both.
      of_shard: Signatures of any shard.
      of_reader: Signatures of the reader.
      record: Record of any shard.
    """
    functions = system.signatures()
    answer = _answer_def(of_shard["retrieve"], of_reader["read"], apart.num_read(record))
    default = meta_graph_pb2.SignatureDef(method_name=tf.saved_model.PREDICT_METHOD_NAME)
    default.inputs["question"].CopyFrom(answer.inputs["question"])
    for name, output in answer.outputs.items():
        if name != "metadata":
            default.outputs[name].CopyFrom(output)
    defs = {**of_shard, "read": of_reader["read"], "answer": answer, "serving_default": default}
    return Joined(path, system, {name: defs[name] for name in sorted(functions)}, functions, record)


def _answer_def(
    retrieve: meta_graph_pb2.SignatureDef, read: meta_graph_pb2.SignatureDef, num_read: int
) -> meta_graph_pb2.SignatureDef:
    """The signature `answer`, of the two that it is made of."""
    made = meta_graph_pb2.SignatureDef(method_name=tf.saved_model.PREDICT_METHOD_NAME)
    inputs = {name: retrieve.inputs[name] for name in ("question", "with_metadata", "filter")}
    inputs |= {"num_read": retrieve.inputs["k"], "num_answers": read.inputs["num_answers"]}
    outputs = {name: output for name, output in read.outputs.items() if name != "block"}
    outputs |= {name: retrieve.outputs[name] for name in apart.CITED}
    for infos, given in ((made.inputs, inputs), (made.outputs, outputs)):
        for name, info in given.items():
            infos[name].CopyFrom(info)
    for name, value in requests.answer_defaults(num_read).items():
        made.defaults[name].CopyFrom(tf.make_tensor_proto(value))
    return made
