# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The indexes beside bare ScaNN, faiss and exact search: speed at a recall, build time and memory.

    python benchmarks/index_search.py WORK_DIR --blocks 1000000
    python benchmarks/index_search.py WORK_DIR --vectors VECTORS --queries QUERIES.npy

Of the vectors of a run, `realm index --questions FILE` writes queries-*.npy beside the index.

Without `--vectors`, clustered vectors are drawn: 2,000 gaussians in 128 dimensions, with centres of
different lengths. Every system is tuned on one half of the queries and measured on the other, with
all systems in turn, round after round, so that other work on the machine falls on all of them.
Speeds are per second of processor time, and of wall-clock time.
A peer that cannot be imported is left out, and named. The indexes are built and opened in processes
of their own, whose memory is measured.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from realm_tf import artifacts, config
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import ivf, recall, scann_layer, tuning, vectors, widths

DIM = 128
FLOORS = {8: 0.99, 100: 0.95}
_CENTRES, _NOISE = 2_000, 0.7
_PIECE = 65_536
_SINGLE = 64  # queries of a round, one by one
_TUNED = 500  # queries that a width is looked for with
_LATE = 600.0  # seconds for the width of one depth

Search = Callable[[np.ndarray, int, widths.Width], np.ndarray]


class System(NamedTuple):
    """What is measured: its search, and the widths that are tried (None: it has none)."""

    search: Search
    leaves: list[int] | None
    reordered: list[int] | None = None


def clustered(count: int, *, seed: int, num_centres: int = _CENTRES) -> np.ndarray:
    """Vectors <float32>[count, 128] of a mixture of gaussians, the same for every seed."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(num_centres, DIM)) * rng.uniform(0.7, 1.3, size=(num_centres, 1))
    rng = np.random.default_rng(seed)
    out = np.empty((count, DIM), np.float32)
    for start in range(0, count, _PIECE):
        size = min(_PIECE, count - start)
        noise = rng.normal(size=(size, DIM)) * _NOISE
        out[start : start + size] = centres[rng.integers(0, num_centres, size)] + noise
    return out


def write(root: str, count: int, dtype: str) -> str:
    """Writes clustered vectors as a segment of shards; returns its path."""
    settings = {"blocks": count, "dtype": dtype, "clustered": _CENTRES}
    path = artifacts.recipe_path(root, vectors.KIND, settings=settings, made_from={})
    if artifacts.is_complete(path):
        return path
    writer = artifacts.SegmentWriter(path, kind=vectors.KIND, settings=settings, made_from={})
    shards = max(1, count // 250_000)
    for number, values in enumerate(np.array_split(clustered(count, seed=1), shards)):
        ids = np.arange(len(values), dtype=np.uint64)
        for name in vectors.write_shard(
            path, number, shards, block_ids=ids, vectors=values, dtype=dtype
        ):
            writer.add(name, num_records=len(values))
    return writer.commit(blocks=count).path


def _memory() -> dict[str, int]:
    """Resident bytes: of this process alone (RssAnon), mapped (RssFile), and the most ever."""
    with open("/proc/self/status", encoding="utf-8") as f:
        lines = dict(line.split(":", 1) for line in f if line.startswith(("Rss", "VmHWM")))
    return {name: int(value.split()[0]) * 1024 for name, value in lines.items()}


def part(root: str, segment: str, queries: str, kind: str) -> dict[str, Any]:
    """Builds an index, or opens it if it is built; with time and memory per vector."""
    table = vectors.VectorTable.open(segment)
    found = np.load(queries)
    index_lib.exact(table).search(found[:1], 1)  # what TensorFlow needs to begin
    before, started = _memory(), (time.process_time(), time.perf_counter())
    made = index_lib.build(
        root, segment, config.RetrievalConfig(index=kind), k=100, gates=(8,), queries=found
    )
    seconds = time.process_time() - started[0], time.perf_counter() - started[1]
    peak = _memory()["VmHWM"] - before["RssAnon"] - before["RssFile"]
    opening = _memory()
    opened = index_lib.Index.open(made, table)
    opened.search(found[:64], 8)
    after = _memory()
    per_vector = {
        "build peak": peak,
        "opened, own": after["RssAnon"] - opening["RssAnon"],
        "opened, mapped": after["RssFile"] - opening["RssFile"],
        "disk": sum(shard.num_bytes for shard in made.shards),
    }
    return {
        "path": made.path,
        "seconds": round(seconds[0], 1),
        "wall": round(seconds[1], 1),
        "settings": {k: made.settings[k] for k in ("widths", "recall") if k in made.settings},
        "bytes": {name: round(size / len(table), 1) for name, size in per_vector.items()},
    }


def _in_own_process(*args: str) -> dict[str, Any]:
    command = [sys.executable, os.path.abspath(__file__), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def own_system(path: str, table: vectors.VectorTable) -> System:
    """An index of ours, searched as users search it, with the widths of its build."""
    index = index_lib.Index.open(path, table)
    return System(lambda queries, k, _: index.search(queries, k).rows, None)


def peers(
    table: vectors.VectorTable, built: dict[str, float], *, hnsw: bool
) -> Iterator[tuple[str, System]]:
    """The libraries themselves, as far as they are there; their build times go to `built`."""
    values = np.array(table.load())
    if importlib.util.find_spec("scann"):
        yield "bare scann", _timed(built, "bare scann", lambda: _bare_scann(values))
    if importlib.util.find_spec("faiss"):
        yield "faiss IVF", _timed(built, "faiss IVF", lambda: _faiss_ivf(values))
        if hnsw:
            yield "faiss HNSW", _timed(built, "faiss HNSW", lambda: _faiss_hnsw(values))
    else:
        sys.stderr.write("faiss is not installed: left out\n")


def _timed(built: dict[str, float], name: str, make: Callable[[], System]) -> System:
    started = time.process_time()
    made = make()
    built[name] = round(time.process_time() - started, 1)
    return made


def _bare_scann(values: np.ndarray) -> System:
    from scann.scann_ops.py import scann_ops_pybind

    leaves = scann_layer.default_leaves(len(values))
    searcher = (
        scann_ops_pybind.builder(values, 10, "dot_product")
        .tree(
            leaves,
            1,
            training_sample_size=min(len(values), 256 * leaves),
            spherical=scann_layer.have_varied_lengths(vectors.as_tensor(values)),
        )
        .score_ah(2, anisotropic_quantization_threshold=0.2)
        .reorder(10)
        .build()
    )

    def search(queries: np.ndarray, k: int, width: widths.Width) -> np.ndarray:
        options = {
            "final_num_neighbors": k,
            "pre_reorder_num_neighbors": width.num_reordering_candidates,
            "leaves_to_search": width.num_leaves_to_search,
        }
        if len(queries) == 1:
            return searcher.search(queries[0], **options)[0][None]
        return searcher.search_batched_parallel(queries, **options)[0]

    return System(search, tuning.ladder(1, leaves), tuning.ladder(8, min(2_000, len(values))))


def _faiss_ivf(values: np.ndarray) -> System:
    faiss: Any = importlib.import_module("faiss")
    leaves = 2 ** round(np.log2(ivf.default_leaves(len(values))))
    quantizer = faiss.IndexFlatIP(values.shape[1])
    index = faiss.IndexIVFFlat(quantizer, values.shape[1], leaves, faiss.METRIC_INNER_PRODUCT)
    index.train(values[:: max(1, len(values) // (64 * leaves))])
    index.add(values)

    def search(queries: np.ndarray, k: int, width: widths.Width) -> np.ndarray:
        index.nprobe = width.num_leaves_to_search
        rows: np.ndarray = index.search(queries, k)[1]
        return rows

    return System(search, tuning.ladder(1, leaves), [0])


def _faiss_hnsw(values: np.ndarray) -> System:
    faiss: Any = importlib.import_module("faiss")
    index = faiss.IndexHNSWFlat(values.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 100
    index.add(values)

    def search(queries: np.ndarray, k: int, width: widths.Width) -> np.ndarray:
        index.hnsw.efSearch = width.num_leaves_to_search
        rows: np.ndarray = index.search(queries, k)[1]
        return rows

    return System(search, tuning.ladder(8, 4_000), [0])


def tuned(system: System, truth: recall.GroundTruth, k: int) -> widths.Width | None:
    """The cheapest width of a system whose recall reaches the floor; None if it has no widths.

    Raises:
      RuntimeError: If none does.
    """
    if system.leaves is None:
        return None

    def measure(width: widths.Width) -> tuning.MeasuredWidth:
        starts = range(0, len(truth.queries), tuning.BATCH)
        started = time.process_time()
        rows = [system.search(truth.queries[s : s + tuning.BATCH], k, width) for s in starts]
        seconds = time.process_time() - started
        return tuning.MeasuredWidth(
            width, truth.recall(np.concatenate(rows).astype(np.int64)), seconds
        )

    reordered = [count for count in system.reordered or [0] if not count or count >= k]
    walk = tuning.Walk(measure, system.leaves, reordered, time.monotonic() + _LATE)
    good = walk.good(FLOORS[k] + 0.1 * (1 - FLOORS[k]))
    if not good:
        raise RuntimeError(f"No width reaches recall@{k} of {FLOORS[k]}: {walk.points}.")
    return good[0].width


def speeds(
    systems: dict[str, System],
    chosen: dict[str, widths.Width | None],
    queries: np.ndarray,
    k: int,
    rounds: int,
) -> dict[str, dict[str, float]]:
    """Queries per second, one by one and in batches of 64, in turn; the median of the rounds."""
    seen: dict[str, dict[str, list[float]]] = {name: {} for name in systems}
    for _ in range(rounds):
        for name, system in systems.items():
            for what, size, count in (("single", 1, _SINGLE), ("batch 64", 64, len(queries))):
                cpu, wall = time.process_time(), time.perf_counter()
                for start in range(0, count - size + 1, size):
                    system.search(queries[start : start + size], k, chosen[name] or (0, 0))
                searched = count // size * size
                for key, seconds in (
                    (what, time.process_time() - cpu),
                    (f"{what}, wall", time.perf_counter() - wall),
                ):
                    seen[name].setdefault(key, []).append(searched / seconds)
    return {
        name: {key: round(statistics.median(values), 1) for key, values in of.items()}
        for name, of in seen.items()
    }


def compare(
    root: str, segment: str, queries: np.ndarray, *, rounds: int, hnsw: bool
) -> dict[str, Any]:
    """All figures."""
    half = len(queries) // 2
    os.makedirs(root, exist_ok=True)
    path = os.path.join(root, "tuned_with.npy")
    np.save(path, queries[:half])
    indexes = {}
    for kind in ("exact", "scann", "ivf"):
        args = (root, "--part", kind, "--vectors", segment, "--queries", path)
        indexes[kind] = _in_own_process(*args)  # builds
        opened = _in_own_process(*args)["bytes"]
        peak = indexes[kind]["bytes"]["build peak"]
        indexes[kind]["bytes"] = {**opened, "build peak": peak}
    table = vectors.VectorTable.open(segment)
    systems = {kind: own_system(made.pop("path"), table) for kind, made in indexes.items()}
    built: dict[str, float] = {}
    systems |= dict(peers(table, built, hnsw=hnsw))
    tuning_truth = recall.GroundTruth.of(table, queries[:half][:_TUNED], max(FLOORS))
    truth = recall.GroundTruth.of(table, queries[half:], max(FLOORS))
    searches = {}
    for k in FLOORS:
        chosen = {name: tuned(system, tuning_truth, k) for name, system in systems.items()}
        figures: dict[str, Any] = dict(speeds(systems, chosen, queries[half:], k, rounds))
        for name, system in systems.items():
            starts = range(0, len(truth.queries), 64)
            parts = [system.search(truth.queries[s : s + 64], k, chosen[name]) for s in starts]
            rows = np.concatenate(parts).astype(np.int64)
            figures[name] |= {"recall": round(truth.recall(rows), 4), "width": chosen[name]}
        searches[str(k)] = figures
    return {
        "vectors": len(table),
        "dtype": table.dtype,
        "queries": half,
        "indexes": indexes,
        "peers, build seconds": built,
        "searches": searches,
    }


def main() -> None:
    """Measures, and prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("work_dir")
    parser.add_argument("--blocks", type=int, default=100_000, help="number of vectors to draw")
    parser.add_argument("--dtype", default="float32", help="number type to store them in")
    parser.add_argument("--vectors", help='segment "vectors" to measure in place of drawn ones')
    parser.add_argument("--queries", help=".npy file of their queries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hnsw", action="store_true", help="build faiss's HNSW, too, for minutes")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(part(args.work_dir, args.vectors, args.queries, args.part)))
        return
    segment = args.vectors or write(args.work_dir, args.blocks, args.dtype)
    queries = np.load(args.queries) if args.queries else clustered(2_000, seed=2)
    found = compare(args.work_dir, segment, queries, rounds=args.rounds, hnsw=args.hnsw)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
