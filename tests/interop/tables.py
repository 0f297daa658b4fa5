"""A table as each engine reads it: python tables.py PLACE EXPECTED [--engines a,b]

PLACE is the folder of a Delta table, or s3://BUCKET/PATH; the server and the keys are in AWS_*.
EXPECTED is NDJSON. Its first line is {"columns": [names], "types": {a schema of ours}}: all columns
of the table in its order, `_id` and `_rescued_data` too. A row follows in each line, by the names
of its columns. A missing name is null. A value is what the row said, but null where it was rescued;
a JSON column has the JSON itself; `_rescued_data` is text. The first line may have "files":
[numbers of rows], if rows of one file follow one another: then the bounds of each file are asked
for.

All rows are compared by id, every column of them. Then each engine answers questions about every
leaf (`table_questions.py`). Prints an object, engine -> "ok" or what differs; stderr says what an
engine changes by its own rules. Exits with 1 if anything differs.
"""

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import rows
from table_frames import Daft, Dataset, Polars
from table_questions import all_questions, at, id_path, kinds
from table_sql import ClickHouse, DataFusion, DuckDb, QueryBuilder, Sail

ENGINES = {
    "dataset": Dataset,
    "deltalake": QueryBuilder,
    "polars": Polars,
    "daft": Daft,
    "datafusion": DataFusion,
    "duckdb": DuckDb,
    "sail": Sail,
    "chdb": ClickHouse,
}

# What an engine may change by its own rules; anything else is a difference.
REORDERED = "the fields of a struct come in another order"
OWN_RULES = {
    "chdb": {
        # A Tuple has no null of its own, and neither has an Array.
        rows.NULLS_FOR_NULL,
        rows.EMPTY_FOR_NULL,
    },
}
SHOWN_MAX = 8


class Expected:
    """What a right table holds."""

    def __init__(self, path):
        lines = [rows.read_json(line) for line in path.read_text().splitlines()]
        head, self.rows = lines[0], lines[1:]
        self.columns, self.files = head["columns"], head.get("files", [])
        self.fields = kinds(self.columns, head["types"])
        self.id_path = id_path(head["types"])
        self.by_id = {self.id_of(row): row for row in self.rows}
        if sum(self.files) > len(self.rows):
            raise SystemExit(f"{path}: its files have more rows than there are")
        if not self.rows or len(self.by_id) != len(self.rows):
            raise SystemExit(f"{path}: it needs rows, each with an id of its own")

    def id_of(self, row):
        return at(row, self.id_path)


def main(place, expected, engines):
    expected = Expected(expected)
    questions = all_questions(expected.rows, expected.fields, expected.files)
    answers = {}
    for name in engines:
        started = time.monotonic()
        try:
            wrong, changed = judge(name, place, expected, questions)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a panic of an engine is a finding too
            traceback.print_exc()
            wrong, changed = [told(error)], []
        answers[name] = wrong[:SHOWN_MAX] or "ok"
        if len(wrong) > SHOWN_MAX:
            answers[name].append(f"… {len(wrong)} differences")
        seconds = time.monotonic() - started
        print(f"{name}: {len(questions)} questions, {seconds:.1f} s", file=sys.stderr)
        for rule in changed:
            print(f"{name}: {rule}", file=sys.stderr)
    print(json.dumps(answers, ensure_ascii=False, indent=1))
    return 0 if all(answer == "ok" for answer in answers.values()) else 1


def judge(name, place, expected, questions):
    """What one engine does wrong, and what it changes by its own rules."""
    engine = ENGINES[name](place, expected.id_path)
    found = rows.Findings()
    compare_rows(expected, engine.read(), found)
    changed = sorted(found.losses & OWN_RULES.get(name, set()))
    wrong = [f"all rows: {loss}" for loss in sorted(found.losses.difference(changed))]
    wrong += found.wrong
    wrong += attempt("count(*)", lambda: same_count(engine.count(), len(expected.rows)))
    for question in questions:
        wanted = [expected.id_of(row) for row in expected.rows if question.takes(row)]
        ask = lambda: same_ids(engine.ids(question), wanted)  # noqa: E731: called here
        wrong += attempt(str(question), ask)
    changed += sorted(engine.changed)
    return wrong, changed


def attempt(question, answer):
    try:
        difference = answer()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # as above
        difference = told(error)
    return [f"{question}: {difference}"] if difference else []


def same_count(found, wanted):
    return None if found == wanted else f"{found}, not {wanted}"


def same_ids(found, wanted):
    """What is amiss with the ids of an answer; none may come twice."""
    if Counter(found) == Counter(wanted):
        return None
    absent, more = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
    return f"{len(found)} rows, not {len(wanted)}; without {few(absent)}, and with {few(more)}"


def few(ids):
    return sorted(map(str, ids.elements()))[:5]


def compare_rows(expected, table, found):
    """Every value of every row, by id."""
    if list(table.names) != expected.columns:
        found.wrong.append(f"the columns are {table.names}, not {expected.columns}")
        return
    whole = {"type": "struct", "fields": expected.fields}
    values = [dict(zip(table.names, row)) for row in zip(*table.columns)]
    ids = [expected.id_of(value) for value in values]
    if difference := same_ids(ids, list(expected.by_id)):
        found.wrong.append(f"all rows: {difference}")
    for identity, value in zip(ids, values):
        source = expected.by_id.get(identity)
        if source is not None:
            value = in_order(whole, value, found)
            rows.compare(whole, source, value, rows.ABSENT, f"row {identity!r}", found)


def in_order(kind, value, found):
    """The value with the fields of its structs in the order of the schema."""
    if kind["type"] == "list" and isinstance(value, list):
        return [in_order(kind["element"], item, found) for item in value]
    if kind["type"] != "struct" or not isinstance(value, dict):
        return value
    fields = {field["name"]: field for field in kind["fields"] if field["type"] != "null"}
    if fields.keys() != value.keys():
        found.wrong.append(f"a struct has the fields {list(value)}, not {list(fields)}")
        return value
    if list(fields) != list(value):
        found.losses.add(REORDERED)
    return {name: in_order(field, value[name], found) for name, field in fields.items()}


def told(error):
    """An error in one line."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return text if len(text) <= 300 else text[:300] + "…"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("place")
    parser.add_argument("expected", type=Path)
    parser.add_argument("--engines", default=",".join(ENGINES))
    given = parser.parse_args()
    sys.exit(main(given.place.rstrip("/"), given.expected, given.engines.split(",")))
