"""Record batches: python batches.py write|check FOLDER

`write` puts a column of each type of Arrow into FOLDER/own.parquet. `check` compares the columns of
FOLDER/ours.parquet with the same values in the types that Coldpress has for them.
"""

import datetime as dt
import decimal
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

D = decimal.Decimal
UTC = dt.timezone.utc
INSTANT = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
MS = INSTANT.replace(microsecond=678000)
SECOND = INSTANT.replace(microsecond=0)
UUIDS = [bytes(range(16)), None, bytes(16)]


def columns():
    """name -> (values, the type of Arrow, the type in our file, the values there)"""

    def same(values, kind):
        return values, kind, kind, values

    def as_type(values, kind, ours, ours_values=None):
        return values, kind, ours, values if ours_values is None else ours_values

    text = ["a", None, "é"]
    days = [dt.date(1970, 1, 1), None, dt.date(9999, 12, 31)]
    local = [dt.datetime(2026, 1, 2, 3, 4, 5, 678901), None, dt.datetime(1999, 12, 31)]
    local_texts = ["2026-01-02T03:04:05.678901", None, "1999-12-31T00:00:00.000000"]
    point = pa.struct([("x", pa.int32()), ("y", pa.list_(pa.string()))])
    points = [{"x": 1, "y": ["a", None]}, None, {"x": None, "y": []}]
    return {
        "boolean": same([True, None, False], pa.bool_()),
        "int8": same([-128, None, 127], pa.int8()),
        "int16": same([-32768, None, 32767], pa.int16()),
        "int32": same([-(2**31), None, 2**31 - 1], pa.int32()),
        "int64": same([-(2**63), None, 2**63 - 1], pa.int64()),
        "uint8": same([0, None, 255], pa.uint8()),
        "uint16": same([0, None, 65535], pa.uint16()),
        "uint32": same([0, None, 2**32 - 1], pa.uint32()),
        "uint64": as_type([0, None, 2**64 - 1], pa.uint64(), pa.decimal128(20, 0),
                          [D(0), None, D(2**64 - 1)]),
        "float16": as_type([0.5, None, -2.0], pa.float16(), pa.float32()),
        "float32": same([0.1, None, -3.4e38], pa.float32()),
        "float64": same([0.1, None, 5e-324], pa.float64()),
        "string": same(text, pa.string()),
        "large_string": as_type(text, pa.large_string(), pa.string()),
        "string_view": as_type(text, pa.string_view(), pa.string()),
        "dictionary": as_type(text, pa.dictionary(pa.int32(), pa.string()), pa.string()),
        "binary": same([b"\x00\xff", None, b""], pa.binary()),
        "large_binary": as_type([b"\x00\xff", None, b""], pa.large_binary(), pa.binary()),
        "fixed_binary": as_type([b"ab", None, b"cd"], pa.binary(2), pa.binary()),
        "uuid": same(UUIDS, pa.uuid()),
        "date32": same(days, pa.date32()),
        "date64": as_type(days, pa.date64(), pa.date32()),
        "seconds": as_type([SECOND, None, SECOND], pa.timestamp("s", "UTC"),
                           pa.timestamp("ms", "UTC")),
        "ms": same([MS, None, SECOND], pa.timestamp("ms", "UTC")),
        "us": same([INSTANT, None, SECOND], pa.timestamp("us", "UTC")),
        "us_berlin": as_type([INSTANT, None, SECOND], pa.timestamp("us", "Europe/Berlin"),
                             pa.timestamp("us", "UTC")),
        "ns": same([INSTANT, None, SECOND], pa.timestamp("ns", "UTC")),
        "local": as_type(local, pa.timestamp("us"), pa.string(), local_texts),
        "time": as_type([dt.time(1, 2, 3), None, dt.time(23, 59, 59)], pa.time64("us"),
                        pa.string(), ["01:02:03.000000", None, "23:59:59.000000"]),
        "decimal9": same([D("1.50"), None, D("-9999999.99")], pa.decimal128(9, 2)),
        "decimal18": same([D("0.001"), None, D("-5.000")], pa.decimal128(18, 3)),
        "decimal38": same([D(10**37), None, D(-1)], pa.decimal128(38, 0)),
        "list": same([[1, None], None, []], pa.list_(pa.int64())),
        "struct": same(points, point),
        "map": as_type(
            [[("k", 1)], None, []],
            pa.map_(pa.string(), pa.int64()),
            pa.list_(pa.struct([("key", pa.string()), ("value", pa.int64())])),
            [[{"key": "k", "value": 1}], None, []],
        ),
    }


def write(folder):
    arrays = {name: pa.array(values, kind) for name, (values, kind, _, _) in columns().items()}
    pq.write_table(pa.table(arrays), folder / "own.parquet", coerce_timestamps=None)


def check(folder):
    ours = pq.read_table(folder / "ours.parquet", arrow_extensions_enabled=True)
    own = pq.read_table(folder / "own.parquet", arrow_extensions_enabled=True)
    differ = 0
    for name, (_, _, kind, values) in columns().items():
        expected = pa.chunked_array([pa.array(values, kind)])
        found = ours.column(name)
        # Names of the elements of lists are not part of the values.
        if not found.type.equals(kind) or found.to_pylist() != expected.to_pylist():
            differ += 1
            print(f"{name}: {found.type} {found.to_pylist()}, not {kind} {expected.to_pylist()}")
        # Where the types are the same, pyarrow's own file is the judge.
        elif own.column(name).type.equals(kind) and not own.column(name).equals(found):
            differ += 1
            print(f"{name}: not what is in pyarrow's own file")
    print(f"{len(columns())} columns, {differ} differ")


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]))
