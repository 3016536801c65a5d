# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The configuration: frozen dataclasses that check themselves, one section a class."""

from realm_tf.config.corpus import BlocksConfig as BlocksConfig
from realm_tf.config.corpus import CorpusConfig as CorpusConfig
from realm_tf.config.corpus import VocabConfig as VocabConfig
from realm_tf.config.jobs import JobsConfig as JobsConfig
from realm_tf.config.model import MAX_LEARNED_SCALE as MAX_LEARNED_SCALE
from realm_tf.config.model import EmbedderConfig as EmbedderConfig
from realm_tf.config.model import EncoderConfig as EncoderConfig
from realm_tf.config.model import ModelConfig as ModelConfig
from realm_tf.config.model import OptimizerConfig as OptimizerConfig
from realm_tf.config.model import ReaderConfig as ReaderConfig
from realm_tf.config.pretraining import AlarmsConfig as AlarmsConfig
from realm_tf.config.pretraining import PretrainConfig as PretrainConfig
from realm_tf.config.pretraining import WarmupConfig as WarmupConfig
from realm_tf.config.questions import QuestionsConfig as QuestionsConfig
from realm_tf.config.refresh import RefreshConfig as RefreshConfig
from realm_tf.config.retrieval import FusionConfig as FusionConfig
from realm_tf.config.retrieval import RetrievalConfig as RetrievalConfig
from realm_tf.config.run import Config as Config
from realm_tf.config.run import decisive as decisive
from realm_tf.config.run import dump as dump
from realm_tf.config.run import from_dict as from_dict
from realm_tf.config.run import load as load
from realm_tf.config.run import override as override
from realm_tf.config.run import replaced as replaced
from realm_tf.config.run import to_dict as to_dict
from realm_tf.config.runtime import EvaluationConfig as EvaluationConfig
from realm_tf.config.runtime import RuntimeConfig as RuntimeConfig
from realm_tf.config.tagging import SpanTaggerConfig as SpanTaggerConfig
from realm_tf.config.tagging import TaggingConfig as TaggingConfig
from realm_tf.config.training import DualEncoderConfig as DualEncoderConfig
from realm_tf.config.training import IctConfig as IctConfig
from realm_tf.config.training import InitConfig as InitConfig
from realm_tf.config.training import OpenQaConfig as OpenQaConfig
from realm_tf.config.training import SupervisionConfig as SupervisionConfig
