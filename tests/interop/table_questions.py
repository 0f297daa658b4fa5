"""The questions that engines answer about a table, and the right answers."""

import datetime
from decimal import Decimal
from typing import NamedTuple

from rows import NANOS_OF_UNIT, nanos_of

TEXT = {"type": "string"}
WHOLE = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SIGNS = {"=": lambda a, b: a == b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b}


class Question(NamedTuple):
    """Which rows have a value at `path` that is so."""

    path: tuple
    kind: dict
    sign: str
    value: object = None

    def takes(self, row):
        """SQL's answer: a comparison with null takes no row."""
        value = typed(self.kind, at(row, self.path))
        if self.sign == "is null":
            return value is None
        if self.sign == "is not null":
            return value is not None
        return value is not None and SIGNS[self.sign](value, self.value)

    def __str__(self):
        value = "" if self.value is None else f" {self.value!r}"
        return f"{'.'.join(map(repr, self.path))} {self.sign}{value}"


def kinds(columns, schema):
    """The columns of a table as fields of a schema."""
    known = {column["name"]: column for column in schema["columns"]}
    return [known.get(name, {"name": name, **TEXT}) for name in columns]


def id_path(schema):
    return tuple(schema.get("id_field", ["_id"]))


def at(row, path):
    """The value at a path; null below a null."""
    for name in path:
        row = None if row is None else row.get(name)
    return row


def all_questions(expected, fields, files):
    """`files` are the numbers of rows of files that follow one another: bounds are asked for."""
    return [
        question
        for path, kind in leaves((), fields)
        for question in about(path, kind, [at(row, path) for row in expected], files)
    ]


def leaves(path, fields):
    """The leaves that the log has statistics of: none is in a list."""
    for field in fields:
        below = (*path, field["name"])
        if field["type"] == "struct":
            yield from leaves(below, field["fields"])
        elif field["type"] not in ("list", "null"):
            yield below, field


def about(path, kind, values, files):
    """Nulls, the values at both ends of each file, and what is below or above the middle."""
    yield Question(path, kind, "is null")
    yield Question(path, kind, "is not null")
    if kind["type"] in ("json", "binary", "uuid"):
        return
    values = [typed(kind, value) for value in values]
    for value in ends(values, files):
        yield Question(path, kind, "=", value)
    known = sorted({value for value in values if value is not None})
    if known and kind["type"] != "boolean":
        middle = known[len(known) // 2]
        yield Question(path, kind, "<", middle)
        yield Question(path, kind, ">=", middle)


def ends(values, files):
    """The least and the greatest value of each file, and of all."""
    found, start = {}, 0
    for rows in (*files, None):
        of_file = values if rows is None else values[start : start + rows]
        known = [value for value in of_file if value is not None]
        if known:
            found |= {min(known): None, max(known): None}
        start += rows or 0
    return found


def typed(kind, value):
    """A JSON value as its column has it."""
    name = kind["type"]
    if value is None:
        return None
    if name in ("float32", "float64"):
        return float(value)
    if name == "decimal":
        return Decimal(value)
    if name == "date":
        return datetime.date.fromisoformat(value)
    if name == "timestamp":
        nanos = nanos_of(value) if isinstance(value, str) else value * NANOS_OF_UNIT[kind["unit"]]
        return EPOCH + datetime.timedelta(microseconds=nanos // 1000)
    return int(value) if name in WHOLE else value
