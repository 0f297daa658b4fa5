"""The source's rows against what an engine read of them.

Knows only the documented mapping (docs/format.md): typed columns by the file's schema, `_rescued_data`
as JSON text under the value's path, JSON columns as JSON text, `_id` first. Nothing here is shared with
the encoder or its tests: an engine's table and the source's JSON text are all there is.
"""

import base64
import datetime
import json
import struct
import uuid
from decimal import Decimal

import pyarrow as pa

NANOS_OF_UNIT = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
ABSENT = object()


def read_json(text):
    """JSON without rounding: integers as int, other numbers as Decimal."""
    return json.loads(text, parse_float=Decimal)


def plain(array):
    """An Arrow array as Python values: instants as nanoseconds, days as days, the rest as they are."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in plain(chunk)]
    if isinstance(array, pa.ExtensionArray):
        return plain(array.storage)
    kind = array.type
    valid = array.is_valid().to_pylist()
    if pa.types.is_struct(kind):
        fields = [(kind.field(i).name, plain(array.field(i))) for i in range(kind.num_fields)]
        return [
            {name: values[row] for name, values in fields} if valid[row] else None
            for row in range(len(array))
        ]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        offsets, elements = array.offsets.to_pylist(), plain(array.values)
        return [
            elements[offsets[row] : offsets[row + 1]] if valid[row] else None
            for row in range(len(array))
        ]
    if pa.types.is_timestamp(kind):
        nanos = NANOS_OF_UNIT[kind.unit]
        values = array.cast(pa.int64()).to_pylist()
        return [None if value is None else value * nanos for value in values]
    if pa.types.is_date32(kind):
        return array.cast(pa.int32()).to_pylist()
    return array.to_pylist()


def differences(source, schema, table):
    """What differs, one line each; nothing where every value of every row is there."""
    names = table.column_names
    if names[0] != "_id":
        return [f"the first column is {names[0]!r}, not '_id'"]
    wanted = [column["name"] for column in schema["columns"] if column["type"] != "null"]
    found = [name for name in names[1:] if name != "_rescued_data"]
    if not same_names(wanted, found):
        return [f"the columns are {found}, not {wanted}"]
    if table.num_rows != len(source):
        return [f"{table.num_rows} rows, not {len(source)}"]
    # By place, not by name: an engine may rename what differs in case alone, or has no name.
    columns = [plain(table.column(at)) for at in range(table.num_columns)]
    ids = columns[0]
    rescued = columns[-1] if names[-1] == "_rescued_data" else [None] * len(ids)
    fields = [column for column in schema["columns"] if column["type"] != "null"]
    nulls = [column for column in schema["columns"] if column["type"] == "null"]
    wrong = []
    for row, (identity, document) in enumerate(source):
        if ids[row] != identity:
            wrong.append(f"row {row}: _id is {ids[row]!r}, not {identity!r}")
        value = {field["name"]: columns[1 + at][row] for at, field in enumerate(fields)}
        aside = ABSENT if rescued[row] is None else read_json(text_of(rescued[row]))
        kind = {"type": "struct", "fields": fields + nulls}
        compare(kind, document, value, aside, f"row {row}", wrong)
    return wrong


def same_names(wanted, found):
    """Equal, but for an engine's own names of columns that have none or differ in case alone."""
    if len(wanted) != len(found):
        return False
    return all(
        name == other or name == "" or other.lower().startswith(name.lower() + "_")
        for name, other in zip(wanted, found)
    )


def compare(kind, source, value, aside, path, wrong):
    """Appends to `wrong` where `value` with what was rescued `aside` is not `source`."""
    name = kind["type"]
    if name == "struct" and isinstance(source, dict) and value is not None:
        aside = {} if aside is ABSENT else aside
        if not isinstance(aside, dict):
            wrong.append(f"{path}: an object, and {aside!r} is rescued")
            return
        compare_fields(kind["fields"], source, value, aside, path, wrong)
    elif name == "list" and isinstance(source, list) and value is not None:
        if len(value) != len(source):
            wrong.append(f"{path}: {len(value)} elements, not {len(source)}")
            return
        aside = {} if aside is ABSENT else aside
        for at, (element, found) in enumerate(zip(source, value)):
            compare(kind["element"], element, found, aside.get(str(at), ABSENT), f"{path}[{at}]", wrong)
    elif aside is not ABSENT:
        if not same_json(source, aside):
            wrong.append(f"{path}: {aside!r} is rescued, not {source!r}")
        if value is not None and not same_leaf(kind, source, value):
            wrong.append(f"{path}: {value!r} beside the rescued {source!r}")
    elif source is ABSENT or source is None:
        if value is not None:
            wrong.append(f"{path}: {value!r}, not null")
    elif value is None or not same_leaf(kind, source, value):
        wrong.append(f"{path}: {value!r}, not {source!r}")


def compare_fields(fields, source, value, aside, path, wrong):
    known = {field["name"] for field in fields}
    # Struct fields by place too, for the same reason as columns.
    values = list(value.values())
    at = 0
    for field in fields:
        found = None
        if field["type"] != "null":
            found, at = values[at], at + 1
        name = field["name"]
        compare(field, source.get(name, ABSENT), found, aside.get(name, ABSENT), f"{path}.{name}", wrong)
    for name, item in source.items():
        if name not in known and not same_json(item, aside.get(name, None)):
            wrong.append(f"{path}.{name}: {item!r} is neither in a column nor rescued")
    for name in aside:
        if name not in source:
            wrong.append(f"{path}.{name}: rescued, and not in the source")


def same_json(a, b):
    """Equal JSON, where an absent field is a null one and numbers are equal by value."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return all(same_json(a.get(name), b.get(name)) for name in a.keys() | b.keys())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    return a == b


def same_leaf(kind, source, value):
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
        return (number or text) and Decimal(value) == Decimal(source)
    if name == "binary":
        return text and value == base64.b64decode(source, validate=True)
    if name == "uuid":
        return text and uuid_of(value) == uuid.UUID(source)
    if name == "date":
        days = datetime.date.fromisoformat(source) - datetime.date(1970, 1, 1)
        return value == days.days
    if name == "timestamp":
        if number:
            return value == source * NANOS_OF_UNIT[kind["unit"]]
        return text and value == nanos_of(source)
    return number and not isinstance(value, bool) and value == source


def text_of(value):
    """JSON text; Polars shows a JSON column of a file without an Arrow schema as bytes."""
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
