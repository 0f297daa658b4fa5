"""The source's rows against what an engine read of them.

Knows only the documented mapping (docs/format.md): typed columns by the file's schema,
`_rescued_data` as JSON text under the value's path, JSON columns as JSON text, `_id` first.
Nothing here is shared with the encoder or its tests: an engine's table and the source's JSON text
are all there is. It needs no package, because each engine has its own environment.
"""

import base64
import datetime
import json
import struct
import uuid
from decimal import Decimal
from typing import NamedTuple

NANOS_OF_UNIT = {"ms": 10**6, "us": 10**3, "ns": 1}
ABSENT = object()

# What an engine changes by its own rules. The rest of the values must be right.
EMPTY_FOR_NULL = "a null list is shown as an empty one"
NULLS_FOR_NULL = "a null struct is shown as a struct of nulls"
NULL_FOR_NULLS = "a struct of nulls is shown as null"
ROUNDED = "decimals are rounded to doubles"
CUT_TO_US = "instants are cut to microseconds"


class Table(NamedTuple):
    """What an engine read: names, the engine's names of types, and a list of values each.

    Values are plain: instants are nanoseconds since the epoch, dates are days since it, structs
    are dicts in the order of their fields."""

    names: list
    types: list
    columns: list


class Findings:
    """What differs, one line each, and what the engine changed by its own rules."""

    def __init__(self):
        self.wrong = []
        self.losses = set()


def read_json(text):
    """JSON without rounding: integers as int, other numbers as Decimal."""
    return json.loads(text, parse_float=Decimal)


def differences(source, schema, table):
    """`Findings` of a table against its source, the rows in the same order."""
    found = Findings()
    names = list(table.names)
    fields = [column for column in schema["columns"] if column["type"] != "null"]
    nulls = [column for column in schema["columns"] if column["type"] == "null"]
    # Where a field of the documents holds the ids, there is no column `_id` beside it.
    own = [] if "id_field" in schema else ["_id"]
    rescued_at = len(own) + len(fields)
    wanted = own + [field["name"] for field in fields] + ["_rescued_data"]
    wanted = wanted[: max(len(names), rescued_at)]
    if not same_names(wanted, names, found):
        found.wrong.append(f"the columns are {names}, not {wanted}")
        return found
    columns = table.columns
    if len(columns[0]) != len(source):
        found.wrong.append(f"{len(columns[0])} rows, not {len(source)}")
        return found
    rescued = columns[rescued_at] if len(names) > rescued_at else [None] * len(source)
    kind = {"type": "struct", "fields": fields + nulls}
    for row, (identity, document) in enumerate(source):
        if own and columns[0][row] != identity:
            found.wrong.append(f"row {row}: _id is {columns[0][row]!r}, not {identity!r}")
        value = {field["name"]: columns[len(own) + at][row] for at, field in enumerate(fields)}
        aside = ABSENT if rescued[row] is None else read_json(text_of(rescued[row]))
        compare(kind, document, value, aside, f"row {row}", found)
    return found


def in_order_of(source, table):
    """The table with its rows in the source's order, for engines that promise none."""
    places = {str(identity): row for row, identity in enumerate(table.columns[0])}
    order = [places.get(identity) for identity, _ in source]
    if None in order or len(places) != len(table.columns[0]):
        return table
    return table._replace(columns=[[column[row] for row in order] for column in table.columns])


def same_names(wanted, names, found):
    """Whether there is a column for each name; one of another name is a loss."""
    if len(wanted) != len(names):
        return False
    for name, other in zip(wanted, names):
        if name != other:
            found.losses.add(f"renames: {name!r} is shown as {other!r}")
    return True


def compare(kind, source, value, aside, path, found):
    """Appends to `found` where `value` with what was rescued `aside` is not `source`."""
    name = kind["type"]
    value = null_of(kind, source, value, found)
    if name == "struct" and isinstance(source, dict) and value is not None:
        aside = {} if aside is ABSENT else aside
        if not isinstance(aside, dict):
            found.wrong.append(f"{path}: an object, and {aside!r} is rescued")
            return
        compare_fields(kind["fields"], source, value, aside, path, found)
    elif name == "list" and isinstance(source, list) and value is not None:
        if len(value) != len(source):
            found.wrong.append(f"{path}: {len(value)} elements, not {len(source)}")
            return
        aside = {} if aside is ABSENT else aside
        for at, (element, item) in enumerate(zip(source, value)):
            below = aside.get(str(at), ABSENT)
            compare(kind["element"], element, item, below, f"{path}[{at}]", found)
    elif aside is not ABSENT:
        if not same_json(source, aside):
            found.wrong.append(f"{path}: {aside!r} is rescued, not {source!r}")
        if value is not None and not same_leaf(kind, source, value, found):
            found.wrong.append(f"{path}: {value!r} beside the rescued {source!r}")
    elif source is ABSENT or source is None:
        if value is not None:
            found.wrong.append(f"{path}: {value!r}, not null")
    elif value is None or not same_leaf(kind, source, value, found):
        found.wrong.append(f"{path}: {value!r}, not {source!r}")


def null_of(kind, source, value, found):
    """`value`, with what an engine shows in place of a null put right, and noted as a loss."""
    if kind["type"] == "struct":
        if value is None and isinstance(source, dict) and all_null(source):
            found.losses.add(NULL_FOR_NULLS)
            return {field["name"]: None for field in kind["fields"] if field["type"] != "null"}
        if not isinstance(source, dict) and isinstance(value, dict) and all_null(value):
            found.losses.add(NULLS_FOR_NULL)
            return None
    if kind["type"] == "list" and value == [] and not isinstance(source, list):
        found.losses.add(EMPTY_FOR_NULL)
        return None
    return value


def all_null(value):
    if isinstance(value, dict):
        return all(map(all_null, value.values()))
    return value is None or value == []


def compare_fields(fields, source, value, aside, path, found):
    known = {field["name"] for field in fields}
    # Struct fields by place: an engine may give a field another name.
    values = list(value.values())
    if len(values) != sum(field["type"] != "null" for field in fields):
        found.wrong.append(f"{path}: the fields are {list(value)}")
        return
    at = 0
    for field in fields:
        item = None
        if field["type"] != "null":
            item, at = values[at], at + 1
        name = field["name"]
        below = aside.get(name, ABSENT)
        compare(field, source.get(name, ABSENT), item, below, f"{path}.{name}", found)
    for name, item in source.items():
        if name not in known and not same_json(item, aside.get(name, None)):
            found.wrong.append(f"{path}.{name}: {item!r} is neither in a column nor rescued")
    for name in aside:
        if name not in source:
            found.wrong.append(f"{path}.{name}: rescued, and not in the source")


def same_json(a, b):
    """Equal JSON, where an absent field is a null one and numbers are equal by value."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return all(same_json(a.get(name), b.get(name)) for name in a.keys() | b.keys())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    return a == b


def same_leaf(kind, source, value, found):
    """Whether an engine's value is the typed form of a JSON value."""
    name = kind["type"]
    number = isinstance(source, (int, Decimal)) and not isinstance(source, bool)
    text = isinstance(source, str)
    if name == "boolean":
        return value is source
    if name == "string":
        return value == source
    if name == "json":
        return same_json(source, read_json(text_of(value)))
    if name == "float64":
        return number and value == float(source)
    if name == "float32":
        return number and value == struct.unpack("<f", struct.pack("<f", float(source)))[0]
    if name == "decimal":
        return (number or text) and same_decimal(Decimal(source), value, found)
    if name == "binary":
        # Where an engine has one type for text and bytes, some bytes happen to be text.
        value = value.encode() if isinstance(value, str) else value
        return text and value == base64.b64decode(source, validate=True)
    if name == "uuid":
        return text and uuid_of(value) == uuid.UUID(source)
    if name == "date":
        days = datetime.date.fromisoformat(source) - datetime.date(1970, 1, 1)
        return value == days.days
    if name == "timestamp":
        if not number and not text:
            return False
        nanos = source * NANOS_OF_UNIT[kind["unit"]] if number else nanos_of(source)
        if value == nanos // 1000 * 1000 != nanos:
            found.losses.add(CUT_TO_US)
            return True
        return value == nanos
    return number and not isinstance(value, bool) and value == source


def same_decimal(exact, value, found):
    if Decimal(value) == exact:
        return True
    if isinstance(value, float) and value == float(exact):
        found.losses.add(ROUNDED)
        return True
    return False


def text_of(value):
    """JSON text, where an engine shows it as bytes too."""
    return value.decode() if isinstance(value, bytes) else value


def uuid_of(value):
    return uuid.UUID(bytes=value) if isinstance(value, bytes) else uuid.UUID(str(value))


def nanos_of(text):
    """RFC 3339 text as nanoseconds since the epoch; `datetime` stops at microseconds."""
    whole, zone = (text[:-1], "+00:00") if text[-1] in "Zz" else (text[:-6], text[-6:])
    seconds, _, fraction = whole.partition(".")
    instant = datetime.datetime.fromisoformat(seconds + zone)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    since = instant - epoch
    return (since.days * 86_400 + since.seconds) * 10**9 + int(fraction.ljust(9, "0") or "0")
