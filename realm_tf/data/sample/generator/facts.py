# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads the sample's fact tables and their wordings, and checks that they fit together.

One kind of article is a pair of files in `facts/`: `<kind>.tsv` holds the facts (first column
`name`, the article's title; cells with several values are separated by "; ") and `<kind>.yaml` how
each column is put into words. README.md describes both.
"""

import csv
import dataclasses
import pathlib
import re
from collections.abc import Iterator, Mapping

import yaml

FOLDER = pathlib.Path(__file__).parent / "facts"
YEAR = "year"  # The one kind without a table: its articles are made from the years in cells.
MIN_WORDINGS = 3
_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:\.([a-z_]+))?\}")
_YEAR = re.compile(r"\b(\d{1,4})( BC)?$")


class FactsError(ValueError):
    """A table or its wording is wrong; the message names the file, the row and the cure."""


@dataclasses.dataclass(frozen=True)
class Relation:
    """How one column of a fact table is told in sentences.

    Attributes:
        kind: the table.
        column: the column that holds the values.
        target: kinds whose article, titled by the value, tells the fact a second time.
        also: columns whose articles tell the fact a second time, where there is no target.
        subject: wordings for the article of the row.
        object: wordings for the other article.
        questions: wordings of questions whose answer is the value.
        inverse_questions: wordings of questions whose answer is the row's name.
    """

    kind: str
    column: str
    target: tuple[str, ...]
    also: tuple[str, ...]
    subject: tuple[str, ...]
    object: tuple[str, ...]
    questions: tuple[str, ...]
    inverse_questions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for role in ("subject", "object", "questions"):
            wordings = getattr(self, role)
            if len(set(wordings)) < MIN_WORDINGS:
                raise FactsError(
                    f"{self.kind}.yaml: column {self.column!r} needs at least {MIN_WORDINGS} "
                    f"different wordings of {role!r}. Received: {list(wordings)}"
                )


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a fact table: the facts of one article."""

    kind: str
    name: str
    cells: Mapping[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A fact table, e.g. of rivers, with its wordings.

    Attributes:
        name: the kind.
        plural: its plural, as companion articles are called.
        list_title: the title of companions of this kind's articles, with {plural} and {name}.
        the: whether every name takes the definite article.
        definition: opening sentences.
        relations: the columns that are told.
        rows: the facts, by name.
    """

    name: str
    plural: str
    list_title: str
    the: bool
    definition: tuple[str, ...]
    relations: tuple[Relation, ...]
    rows: tuple[Row, ...]


@dataclasses.dataclass(frozen=True)
class Fact:
    """A fact, one cell of a fact table: `row` stands in `relation` to `values`."""

    row: Row
    relation: Relation
    values: tuple[str, ...]

    @property
    def key(self) -> str:
        """A stable name, from which all of the fact's random choices derive."""
        return f"{self.row.kind}/{self.row.name}/{self.relation.column}"


@dataclasses.dataclass(frozen=True)
class Tables:
    """All fact tables, and every row by its title."""

    kinds: Mapping[str, Kind]
    rows: Mapping[str, Row]

    def facts(self) -> Iterator[Fact]:
        """All facts, in the order of kinds, relations and rows."""
        for kind in self.kinds.values():
            for relation in kind.relations:
                for row in kind.rows:
                    if row.cells[relation.column]:
                        yield Fact(row, relation, row.cells[relation.column])

    def takes_the(self, title: str) -> bool:
        """Whether the name is written with the definite article ("the Rhine")."""
        row = self.rows.get(title)
        if row is None:
            return False
        return self.kinds[row.kind].the or bool(row.cells.get("the"))


def year_of(value: str) -> int | None:
    """Reads the year in a cell of a fact table: "14 March 1879", "753 BC" (negative); or None."""
    match = _YEAR.search(value)
    if match is None:
        return None
    return -int(match[1]) if match[2] else int(match[1])


def load(folder: pathlib.Path = FOLDER) -> Tables:
    """Loads and checks every fact table of `folder`.

    Raises:
        FactsError: a cell, a wording or a target is wrong.
    """
    kinds = {path.stem: _load_kind(path) for path in sorted(folder.glob("*.yaml"))}
    for path in sorted(folder.glob("*.tsv")):
        if path.stem not in kinds:
            raise FactsError(f"{path.name} has no {path.stem}.yaml beside it to word its facts.")
    tables = Tables(kinds, _by_title(kinds))
    for kind in kinds.values():
        _check_placeholders(kind)
    for fact in tables.facts():
        _check_targets(fact, tables)
    return tables


def _load_kind(path: pathlib.Path) -> Kind:
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    if spec.get("kind") != path.stem:
        raise FactsError(f"{path.name}: `kind` must be {path.stem!r}. Received: {spec.get('kind')}")
    relations = tuple(_relation(path.stem, entry) for entry in spec.get("relations") or ())
    return Kind(
        name=path.stem,
        plural=spec.get("plural", path.stem + "s"),
        list_title=spec.get("list_title", "{plural} of {name}"),
        the=bool(spec.get("the", False)),
        definition=tuple(spec.get("definition") or ()),
        relations=relations,
        rows=_load_rows(path.with_suffix(".tsv"), [relation.column for relation in relations]),
    )


def _relation(kind: str, entry: Mapping) -> Relation:
    known = {field.name for field in dataclasses.fields(Relation)} - {"kind"}
    if unknown := set(entry) - known:
        raise FactsError(f"{kind}.yaml: unknown keys {sorted(unknown)}; known: {sorted(known)}")
    target = entry.get("target") or ()
    if not target and not entry.get("also"):
        raise FactsError(f"{kind}.yaml: column {entry.get('column')!r} has no target and no `also`")
    return Relation(
        kind=kind,
        column=entry["column"],
        target=(target,) if isinstance(target, str) else tuple(target),
        also=tuple(entry.get("also") or ()),
        **{role: tuple(entry.get(role) or ())
           for role in ("subject", "object", "questions", "inverse_questions")},
    )  # fmt: skip


def _load_rows(path: pathlib.Path, columns: list[str]) -> tuple[Row, ...]:
    if not path.exists():
        raise FactsError(f"{path.stem}.yaml has no {path.name} beside it that holds its facts.")
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if len(lines) < 2:
        raise FactsError(f"{path.name}: a header and at least one row expected. Received: {lines}")
    header = lines[0]
    if header[0] != "name" or (missing := set(columns) - set(header)):
        raise FactsError(f"{path.name}: the header must begin with `name` and hold {columns}. "
                         f"Received: {header}, missing: {sorted(missing)}")  # fmt: skip
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(header):
            raise FactsError(f"{path.name}, line {number}: {len(header)} cells expected. "
                             f"Received: {cells}")  # fmt: skip
        rows.append(_row(path, number, dict(zip(header, cells, strict=True))))
    return tuple(sorted(rows, key=lambda row: row.name))


def _row(path: pathlib.Path, number: int, cells: Mapping[str, str]) -> Row:
    for column, cell in cells.items():
        if cell != " ".join(cell.split()) or (column == "name" and not cell):
            raise FactsError(f"{path.name}, line {number}: bad cell in {column!r}, "
                             f"empty name or stray blanks. Received: {cell!r}")  # fmt: skip
    values = {column: tuple(cell.split("; ")) if cell else () for column, cell in cells.items()}
    return Row(path.stem, cells["name"], values)


def _by_title(kinds: Mapping[str, Kind]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for kind in kinds.values():
        for row in kind.rows:
            if row.name in rows:
                raise FactsError(f"{row.name!r} stands in {rows[row.name].kind}.tsv and in "
                                 f"{row.kind}.tsv; write {row.name} ({row.kind})")  # fmt: skip
            rows[row.name] = row
    return rows


def _check_placeholders(kind: Kind) -> None:
    columns = {"value", *kind.rows[0].cells}
    wordings = list(kind.definition)
    for relation in kind.relations:
        wordings += relation.subject + relation.object
        wordings += relation.questions + relation.inverse_questions
    for wording in wordings:
        for column, _ in _PLACEHOLDER.findall(wording):
            if column not in columns:
                raise FactsError(f"{kind.name}.yaml: no column {column!r}, in {wording!r}")


def _check_targets(fact: Fact, tables: Tables) -> None:
    for value in fact.values:
        if not fact.relation.target:
            continue
        row = tables.rows.get(value)
        if row is not None and row.kind in fact.relation.target:
            continue
        if YEAR in fact.relation.target and year_of(value) is not None:
            continue
        where = "no article has this title" if row is None else f"it is a {row.kind}"
        raise FactsError(f"{fact.row.kind}.tsv, {fact.row.name!r}: {fact.relation.column} "
                         f"{value!r} should be a {' or '.join(fact.relation.target)}, but "
                         f"{where}. Add it to that table or empty the cell.")  # fmt: skip
