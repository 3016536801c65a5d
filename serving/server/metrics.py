# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figures about a server, in the text format of Prometheus."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator

import prometheus_client
from prometheus_client import core, registry

from serving.server import servable

_SECS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST


class Metrics:
    """The figures of one server, in a registry of its own.

    Attributes:
      queue_rows: Rows that wait for a batch now.
    """

    def __init__(self) -> None:
        known = self._registry = prometheus_client.CollectorRegistry()
        self._requests = prometheus_client.Counter(
            "realm_requests",
            "Requests by status code",
            ["protocol", "signature", "code"],
            registry=known,
        )
        self._request_secs = prometheus_client.Histogram(
            "realm_request_seconds",
            "Time from a request to its answer",
            ["protocol", "signature"],
            buckets=_SECS,
            registry=known,
        )
        self._batch_rows = prometheus_client.Histogram(
            "realm_batch_rows",
            "Rows that ran together",
            ["signature"],
            buckets=_ROWS,
            registry=known,
        )
        self._batch_secs = prometheus_client.Histogram(
            "realm_batch_seconds", "Time of a batch", ["signature"], buckets=_SECS, registry=known
        )
        self.queue_rows = prometheus_client.Gauge(
            "realm_queue_rows", "Rows that wait for a batch", registry=known
        )

    def watch(self, versions: Collection[servable.Servable]) -> None:
        """Tells of the versions that a collection holds whenever the figures are read."""
        self._registry.register(_Versions(versions))

    def count_request(self, *, protocol: str, signature: str, code: str, secs: float) -> None:
        """Counts a request that was answered or refused."""
        self._requests.labels(protocol, signature, code).inc()
        self._request_secs.labels(protocol, signature).observe(secs)

    def count_batch(self, *, signature: str, rows: int, secs: float) -> None:
        """Counts a batch that ran."""
        self._batch_rows.labels(signature).observe(rows)
        self._batch_secs.labels(signature).observe(secs)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return prometheus_client.generate_latest(self._registry)


class _Versions(registry.Collector):
    """Figures about the versions that are available now."""

    def __init__(self, versions: Collection[servable.Servable]):
        self._versions = versions

    def collect(self) -> Iterator[core.Metric]:
        available = core.GaugeMetricFamily(
            "realm_version_available", "Versions that answer", labels=["version"]
        )
        step = core.GaugeMetricFamily(
            "realm_snapshot_step", "Training step of the snapshot served", labels=["version"]
        )
        age = core.GaugeMetricFamily(
            "realm_snapshot_age_seconds", "Time since the snapshot was made", labels=["version"]
        )
        for version in list(self._versions):
            label = [str(version.number)]
            available.add_metric(label, 1)
            age.add_metric(label, max(0.0, time.time() - version.snapshot_secs))
            if version.snapshot_step is not None:
                step.add_metric(label, version.snapshot_step)
        yield from (available, step, age)
