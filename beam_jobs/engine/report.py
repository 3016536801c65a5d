# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a job tells of its input: counts by reason, lengths, samples, and what could not be used.

Every item of work makes a `Tally` and keeps it in its result; the launcher adds them up and writes
`report.json` and `report.txt` into the job's directory. Records that could not be used are dead
letters: items write theirs into their step's directory with `DeadLetters`, and `write` puts them
together in `dead_letters.jsonl`.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from beam_jobs.engine import job_folder
from realm_tf import artifacts, types

DEAD_LETTERS = "dead_letters.jsonl"
REPORT_JSON = "report.json"
REPORT_TEXT = "report.txt"

_BAR_WIDTH = 40
_CHUNK_BYTES = 1 << 22


@dataclasses.dataclass
class Tally:
    """What was seen in a part of the input; `add` joins two parts.

    Attributes:
      counts: Name to number, e.g. {"documents": 3}.
      dropped: Reason to the number of records left out on purpose.
      examples: Reason to the place of the first such record, e.g. "a.jsonl:3".
      bad: Number of dead letters.
      first_bad: [file, record, message] of the first of them, by place.
      histograms: What was measured to {upper bound (as text): number of values up to it}.
      samples: Things to show, each with its "key"; those with the smallest keys are kept.
    """

    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)
    examples: dict[str, str] = dataclasses.field(default_factory=dict)
    bad: int = 0
    first_bad: list[Any] | None = None
    histograms: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    samples: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def count(self, name: str, number: int = 1) -> None:
        """Adds to a count."""
        self.counts[name] = self.counts.get(name, 0) + number

    def drop(self, reason: str, where: str) -> None:
        """Counts a record that is left out on purpose."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        self.examples.setdefault(reason, where)

    def measure(self, name: str, values: Iterable[int], step: int = 0) -> None:
        """Puts values into a histogram.

        Args:
          name: What is measured, with its unit: "wordpieces of a block".
          values: Not negative.
          step: Width of a bin; 0 for bins whose bounds are powers of two.
        """
        bins = self.histograms.setdefault(name, {})
        bounds = (-(-v // step) * step if step else _power_from(v) for v in values)
        for bound, number in collections.Counter(bounds).items():
            bins[str(bound)] = bins.get(str(bound), 0) + number

    def sample(self, key: str, kept: int, **shown: Any) -> None:
        """Offers something to show; of all that is offered, the `kept` smallest keys stay."""
        if len(self.samples) < kept or key < self.samples[-1]["key"]:
            self.samples = sorted([*self.samples, {"key": key, **shown}], key=_key)[:kept]

    def bad_record(self, file: str, record: int, message: str) -> None:
        """Counts a dead letter."""
        self.bad += 1
        found = [file, record, message]
        self.first_bad = min(self.first_bad or found, found)

    def add(self, other: Tally, kept: int = 5) -> None:
        """Adds another part of the input; `kept` samples stay."""
        for mine, theirs in [
            (self.counts, other.counts),
            (self.dropped, other.dropped),
            *((self.histograms.setdefault(n, {}), bins) for n, bins in other.histograms.items()),
        ]:
            for name, number in theirs.items():
                mine[name] = mine.get(name, 0) + number
        self.examples = {**other.examples, **self.examples}
        self.bad += other.bad
        firsts = [first for first in (self.first_bad, other.first_bad) if first]
        self.first_bad = min(firsts, default=None)
        self.samples = sorted([*self.samples, *other.samples], key=_key)[:kept]

    def beam_counts(self) -> dict[str, int]:
        """All numbers, for Beam's counters."""
        reasons = {f"dropped_{reason}": number for reason, number in self.dropped.items()}
        return {**self.counts, **reasons, "bad_records": self.bad}


def total(results: Iterable[Mapping[str, Any]]) -> Tally:
    """The sum of the tallies in the results of items."""
    tally = Tally()
    for result in results:
        tally.add(Tally(**result["tally"]))
    return tally


class DeadLetters:
    """Writes the dead letters of one item, and counts them; nothing is written if there are none.

    Args:
      folder: Directory of the job.
      step: Step that the item belongs to.
      number: Number of the item in its step.
      tally: Tally of the item.
    """

    def __init__(self, folder: job_folder.Folder, step: str, number: int, tally: Tally):
        self._path = _letters_path(folder, step, number)
        self._tally = tally
        self._lines: list[str] = []

    def add(self, file: str, record: int, cause: str, message: str, raw: str = "") -> None:
        """Adds one.

        Args:
          file: Where it is.
          record: Its number there: of the line, page or row.
          cause: Short and without blanks, e.g. "unreadable".
          message: One line: what is wrong.
          raw: The beginning of the record as it was found, if it is known.
        """
        message = " ".join(message.split())
        self._tally.bad_record(file, record, message)
        body = {"file": file, "record": record, "cause": cause, "message": message}
        self._lines.append(json.dumps({**body, "raw": raw} if raw else body, ensure_ascii=False))

    def write(self) -> None:
        """Writes the dead letters of an item, which calls this before it returns its result."""
        if self._lines:
            artifacts.write_text(self._path, "\n".join(self._lines) + "\n")
        elif tf.io.gfile.exists(self._path):
            tf.io.gfile.remove(self._path)


def check_bad(tally: Tally, records: int, max_bad_fraction: float, path: str) -> None:
    """Refuses an input whose tally has too many bad records, and points to the report.

    Args:
      tally: Tally of the whole input.
      records: How many there are, these included.
      max_bad_fraction: Share of the records that may be bad.
      path: Where the dead letters are.

    Raises:
      UserError: Naming the first, the number of the others, and `path`.
    """
    if not tally.first_bad or tally.bad <= max_bad_fraction * records:
        return
    raise types.UserError(
        f"{tally.first_bad[2]} ({tally.bad - 1} more bad records; all are in {path}; of"
        f" {records} records, max_bad_fraction lets {max_bad_fraction:g} be bad.)"
    )


def collect_dead_letters(folder: job_folder.Folder, steps: Mapping[str, int]) -> str:
    """For a job's report: joins the dead letters of all items of steps (name to number of items).

    Returns:
      The path of the file that holds them.
    """
    path = folder.file(DEAD_LETTERS)
    with artifacts.atomic_path(path) as aside, tf.io.gfile.GFile(aside, "wb") as out:
        out.write(b"")  # or there is no file, where there are none
        for step, count in steps.items():
            for number in range(count):
                for chunk in _chunks(_letters_path(folder, step, number)):
                    out.write(chunk)
    return path


def write(folder: job_folder.Folder, head: Mapping[str, Any], tally: Tally) -> None:
    """Writes the report of a job: `report.json` and `report.txt` in its directory.

    Args:
      folder: Directory of the job.
      head: What the job is and was made of, name to JSON value.
      tally: Tally of the whole input.
    """
    body = {**head, **dataclasses.asdict(tally)}
    text = json.dumps(body, indent=1, ensure_ascii=False)
    artifacts.write_text(folder.file(REPORT_JSON), text)
    artifacts.write_text(folder.file(REPORT_TEXT), render(head, tally) + "\n")


def render(head: Mapping[str, Any], tally: Tally) -> str:
    """The report, for people."""
    parts = ["\n".join(f"{name:<12} {value}" for name, value in head.items())]
    parts += ["counts\n" + _table(sorted(tally.counts.items()))]
    if tally.dropped:
        rows = sorted(tally.dropped.items(), key=lambda item: (-item[1], item[0]))
        first = [f"first: {tally.examples[reason]}" for reason, _ in rows]
        parts.append("left out, by reason\n" + _table(rows, first))
    if tally.first_bad:
        file, record, message = tally.first_bad
        head_line = f"bad records (all in {DEAD_LETTERS})\n  {tally.bad:,}, first: {file}:{record}"
        parts.append(f"{head_line}\n{_indent(message)}")
    parts += [f"{name}\n{_bars(bins)}" for name, bins in sorted(tally.histograms.items())]
    parts += [f"sample {sample['key']}\n{_sample(sample)}" for sample in tally.samples]
    return "\n\n".join(parts)


def _power_from(value: int) -> int:
    """The smallest power of two that is not below a value; 0 for 0."""
    return 1 << (value - 1).bit_length() if value else 0


def _key(sample: Mapping[str, Any]) -> str:
    return sample["key"]


def _table(rows: Sequence[tuple[str, int]], notes: Sequence[str] = ()) -> str:
    width = max((len(name) for name, _ in rows), default=0)
    notes = notes or [""] * len(rows)
    lines = zip(rows, notes, strict=True)
    return "\n".join(f"  {n:<{width}} {v:>14,}  {note}".rstrip() for (n, v), note in lines)


def _bars(bins: Mapping[str, int]) -> str:
    most = max(bins.values(), default=1)
    lines = []
    for bound in sorted(bins, key=int):
        bar = "#" * round(_BAR_WIDTH * bins[bound] / most)
        lines.append(f"  up to {int(bound):>11,} {bins[bound]:>12,}  {bar}".rstrip())
    return "\n".join(lines)


def _sample(sample: Mapping[str, Any]) -> str:
    return "\n".join(_indent(str(value)) for name, value in sample.items() if name != "key")


def _indent(text: str) -> str:
    return textwrap.indent(textwrap.fill(text, 96), "  ")


def _letters_path(folder: job_folder.Folder, step: str, number: int) -> str:
    return folder.file(step, f"{number:06d}.dead.jsonl")


def _chunks(path: str) -> Iterator[bytes]:
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path, "rb") as f:
            while chunk := f.read(_CHUNK_BYTES):
                yield chunk
