# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One loaded version of the model: its signatures, and how they are called."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import message
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from realm_tf import types
from realm_tf.artifacts import gfile
from serving import saved_models, versions, warmup
from serving.server import failures

Arrays = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature of a SavedModel.

    Attributes:
      name: Its name in the SavedModel.
      inputs: The inputs by name; an unknown first dimension is the batch.
      outputs: The outputs by name.
      defaults: Values of inputs that a request may leave out.
    """

    name: str
    inputs: Mapping[str, tf.TensorSpec]
    outputs: Mapping[str, tf.TensorSpec]
    defaults: Arrays

    @property
    def is_batched(self) -> bool:
        """Whether rows of several requests may run together: all tensors have a batch dimension."""
        specs = (*self.inputs.values(), *self.outputs.values())
        return all(has_batch(spec) for spec in specs)

    @classmethod
    def from_proto(cls, name: str, proto: meta_graph_pb2.SignatureDef) -> Signature:
        """Reads a signature as a SavedModel describes it."""
        defaults = {key: tf.make_ndarray(value) for key, value in proto.defaults.items()}
        return cls(name, _specs(proto.inputs), _specs(proto.outputs), defaults)


def has_batch(spec: tf.TensorSpec) -> bool:
    """Whether a tensor has a batch dimension: an unknown first one."""
    return bool(spec.shape.rank) and spec.shape[0] is None


def _specs(infos: Mapping[str, meta_graph_pb2.TensorInfo]) -> dict[str, tf.TensorSpec]:
    return {
        name: tf.TensorSpec(tf.TensorShape(info.tensor_shape), tf.as_dtype(info.dtype), name)
        for name, info in sorted(infos.items())
    }


class Servable:
    """One version of a model, in memory.

    Attributes:
      number: Number of the version.
      signature_defs: The signatures as a SavedModel describes them.
      signatures: The same, as they are checked and called.
      metadata_fields: Fields of the metadata that requests can filter by, and their types.
      snapshot_step: Training step of the snapshot that is served; None if no record tells it.
      snapshot_secs: Unix time at which that snapshot was made; if no record tells it, at which the
        version was written, or loaded if it is not here.

    Args:
      path: Directory of the version; of two models, that of the retriever.
      module: What is loaded: what its functions need lives as long.
      signature_defs: The signatures.
      functions: The functions of the signatures.
      record: The record of the version, if it is not in its directory.
    """

    def __init__(
        self,
        path: str,
        module: Any,
        signature_defs: Mapping[str, meta_graph_pb2.SignatureDef],
        functions: Mapping[str, Callable[..., Mapping[str, tf.Tensor]]],
        record: Mapping[str, Any] | None = None,
    ):
        self.number = int(os.path.basename(path.rstrip("/")))
        self._path, self._module, self._functions = path, module, functions
        self.signature_defs = signature_defs
        self.signatures = {
            name: Signature.from_proto(name, proto) for name, proto in signature_defs.items()
        }
        record = self._record = versions.record(path) if record is None else record
        self.metadata_fields: Mapping[str, str] = record.get("metadata_fields", {})
        self.snapshot_step: int | None = record.get("snapshot_step")
        if created := record.get("snapshot_created"):
            self.snapshot_secs = datetime.datetime.fromisoformat(created).timestamp()
        elif gfile.exists(model := os.path.join(path, versions.MODEL)):
            self.snapshot_secs = gfile.stat(model).mtime_nsec / 1e9
        else:
            self.snapshot_secs = time.time()

    def signature(self, name: str) -> Signature:
        """The signature of a name; an empty one means `serving_default`, as in TF Serving.

        Raises:
          RequestError: If there is none.
        """
        name = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if name not in self.signatures:
            raise failures.invalid(
                f"Version {self.number} has no signature {name!r}. It has:"
                f" {', '.join(sorted(self.signatures))}."
            )
        return self.signatures[name]

    def run(self, name: str, inputs: Arrays) -> dict[str, np.ndarray]:
        """Calls a signature with inputs that were checked.

        Raises:
          RequestError: If the graph refuses the inputs.
        """
        specs = self.signatures[name].inputs
        tensors = {key: tf.constant(value, specs[key].dtype) for key, value in inputs.items()}
        try:
            outputs = self._functions[name](**tensors)
            return {key: np.asarray(value) for key, value in outputs.items()}
        except tf.errors.InvalidArgumentError as error:
            reason = saved_models.refusal(error)
            raise failures.invalid(f"The model refuses the request: {reason}") from error

    def close(self) -> None:
        """Frees the searcher of ScaNN, if there is one; nothing is called afterwards."""
        if versions.index_of(self._record) == "scann":
            self._module.release()

    def warm_up(self) -> int:
        """Answers the warm-up requests of the version, and returns how many they are.

        Raises:
          UserError: If one of them fails.
        """
        count = 0
        for name, inputs in self._warmup_requests():
            try:
                signature = self.signature(name)
                self.run(signature.name, {**signature.defaults, **inputs})
            except (failures.RequestError, tf.errors.OpError) as error:
                raise types.UserError(f"{self._path}: a warm-up request fails: {error}") from error
            count += 1
        return count

    def _warmup_requests(self) -> Iterator[tuple[str, Arrays]]:
        """Signatures and inputs: those that the version brings."""
        return warmup.read(os.path.join(self._path, warmup.PATH))


def load(path: str) -> Servable:
    """Loads a version of the model from its directory, so that its signatures can be called.

    Raises:
      UserError: If the version is not whole, or damaged.
    """
    versions.require_whole(path)
    protos = signature_defs(path)
    module = saved_models.load(path)
    return Servable(path, module, protos, module.signatures)


def signature_defs(path: str) -> dict[str, meta_graph_pb2.SignatureDef]:
    """The signatures that a version of the model is called by, by name, without loading it.

    Raises:
      UserError: If it is damaged, or has none for serving.
    """
    with tf.io.gfile.GFile(os.path.join(path, versions.MODEL), "rb") as file:
        try:
            saved = saved_model_pb2.SavedModel.FromString(file.read())
        except message.DecodeError as error:
            raise types.UserError(f"{path}/{versions.MODEL} is damaged: {error}.") from error
    graphs = [m for m in saved.meta_graphs if tf.saved_model.SERVING in m.meta_info_def.tags]
    if not graphs:
        raise types.UserError(f"{path} has no graph with the tag {tf.saved_model.SERVING!r}.")
    protos = graphs[0].signature_def
    # What begins with "__" is TensorFlow's own, such as the operation that initialises tables.
    return {name: _copy(protos[name]) for name in sorted(protos) if not name.startswith("__")}


def proto_of(function: Any) -> meta_graph_pb2.SignatureDef:
    """The signature of a tf.function with an input signature, as a SavedModel would describe it."""
    made = meta_graph_pb2.SignatureDef(method_name=tf.saved_model.PREDICT_METHOD_NAME)
    outputs = function.get_concrete_function().structured_outputs
    for name, parameter in inspect.signature(function.python_function).parameters.items():
        if parameter.default is not parameter.empty:
            made.defaults[name].CopyFrom(tf.make_tensor_proto(parameter.default))
    inputs = {spec.name: spec for spec in function.input_signature}
    for infos, specs in ((made.inputs, inputs), (made.outputs, outputs)):
        for name, spec in specs.items():
            infos[name].name = f"{name}:0"
            infos[name].dtype = spec.dtype.as_datatype_enum
            infos[name].tensor_shape.CopyFrom(spec.shape.as_proto())
    return made


def _copy(proto: meta_graph_pb2.SignatureDef) -> meta_graph_pb2.SignatureDef:
    """A message of its own: a part of another one keeps all of that, here the graph, in memory."""
    copied = meta_graph_pb2.SignatureDef()
    copied.CopyFrom(proto)
    return copied
