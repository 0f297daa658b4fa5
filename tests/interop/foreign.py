"""Files of other writers: python foreign.py compare|write FOLDER

`compare` reads FOLDER/manifest.json: Parquet files, and of each the record batches that Coldpress
read of it, as a file of Arrow. It compares them with what pyarrow reads.

`write` writes the same rows into files of different form. It prints filters, and the numbers of the
rows that each takes, by Python's own comparisons.
"""

import datetime as dt
import decimal
import json
import math
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from arrow import plain


def same(one, other):
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bytes) or isinstance(other, bytes):
        return bytes_of(one) == bytes_of(other)
    return one == other


def bytes_of(value):
    return value.encode() if isinstance(value, str) else value


def differences(ours, theirs):
    if ours.column_names != theirs.column_names:
        return [f"columns {ours.column_names}, not {theirs.column_names}"]
    if ours.num_rows != theirs.num_rows:
        return [f"{ours.num_rows} rows, not {theirs.num_rows}"]
    found = []
    for name, one, other in zip(ours.column_names, ours.columns, theirs.columns):
        one_values, other_values = plain(one), plain(other)
        wrong = [row for row in range(len(one)) if not same(one_values[row], other_values[row])]
        if wrong:
            row = wrong[0]
            found.append(
                f"{name}: {len(wrong)} rows differ; row {row}: {one.type} {one_values[row]!r}, "
                f"not {other.type} {other_values[row]!r}"
            )
    return found


def compare(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    differ = 0
    for parquet, ours in manifest.items():
        try:
            # As nanoseconds, an instant of the year 290000 becomes one of another year.
            theirs = pq.read_table(parquet, coerce_int96_timestamp_unit="us")
        except (pa.ArrowException, OSError) as error:
            print(f"{parquet}: pyarrow does not read it: {error}")
            differ += 1
            continue
        wrong = differences(pa.ipc.open_file(ours).read_all(), theirs)
        differ += bool(wrong)
        for line in wrong:
            print(f"{parquet}: {line}")
    print(f"{len(manifest)} files, {differ} differ")


ROWS = 2_000
START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


def row(n):
    """A row; every field but `n` is null now and then."""
    value = {
        "f": math.nan if n % 11 == 3 else n / 8,
        "f32": n / 10,
        "s": f"k{n % 13}",
        "text": f"{n:05} é",
        "at": START + dt.timedelta(seconds=n, microseconds=n),
        "local": (START + dt.timedelta(minutes=n)).replace(tzinfo=None),
        "day": START.date() + dt.timedelta(days=n // 100),
        "price": decimal.Decimal(n) / 4,
        "wide": decimal.Decimal(n) * 10**18,
        "ok": n % 2 == 0,
        "small": n % 256,
        "large": 2**64 - 1 - n,
        "bytes": bytes([n % 256, 1]),
        "time": dt.time(n // 3600, n // 60 % 60, n % 60),
        "st": {"x": None if n % 5 == 0 else n, "y": f"y{n % 3}", "deep": {"z": n % 50}},
        "list": [n, None],
        "map": [("key", n)],
    }
    kept = {name: None if (n + at) % 17 == 0 else of for at, (name, of) in enumerate(value.items())}
    return {"n": n} | kept


SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("f", pa.float64()),
        ("f32", pa.float32()),
        ("s", pa.dictionary(pa.int32(), pa.string())),
        ("text", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("local", pa.timestamp("ms")),
        ("day", pa.date32()),
        ("price", pa.decimal128(9, 2)),
        ("wide", pa.decimal128(38, 2)),
        ("ok", pa.bool_()),
        ("small", pa.uint8()),
        ("large", pa.uint64()),
        ("bytes", pa.binary()),
        ("time", pa.time64("us")),
        ("st", pa.struct([("x", pa.int32()), ("y", pa.string()),
                          ("deep", pa.struct([("z", pa.int16())]))])),
        ("list", pa.list_(pa.int64())),
        ("map", pa.map_(pa.string(), pa.int64())),
    ]
)

FILES = {
    "plain.parquet": {"compression": "none", "use_dictionary": False},
    "groups.parquet": {"row_group_size": 300, "compression": "snappy"},
    "pages.parquet": {"write_page_index": True, "data_page_size": 400, "write_batch_size": 50,
                      "compression": "zstd"},
    "index.parquet": {"write_page_index": True, "data_page_size": 400, "write_batch_size": 50,
                      "use_dictionary": False, "row_group_size": 700, "compression": "gzip"},
    "v2.parquet": {"data_page_version": "2.0", "write_page_index": True, "data_page_size": 400,
                   "write_batch_size": 50, "compression": "brotli"},
    "deltas.parquet": {"use_dictionary": False, "compression": "lz4", "row_group_size": 500,
                       "column_encoding": {"n": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY",
                                           "bytes": "DELTA_LENGTH_BYTE_ARRAY",
                                           "f": "BYTE_STREAM_SPLIT"}},
    "checked.parquet": {"compression": "none", "use_dictionary": False, "row_group_size": 700,
                        "write_page_index": True, "write_page_checksum": True,
                        "data_page_size": 400, "write_batch_size": 50},
    "no_statistics.parquet": {"write_statistics": False, "row_group_size": 300},
    "no_schema_of_arrow.parquet": {"store_schema": False, "row_group_size": 300},
}


def at(n):
    return START + dt.timedelta(seconds=n)


def some(of):
    """A comparison: it takes no row in which the field is null."""
    return lambda value: value is not None and of(value)


def below(name):
    return lambda of: None if of["st"] is None else of["st"][name]


FILTERS = {
    "n >= 100 and n < 120": lambda r: 100 <= r["n"] < 120,
    "n = 700 or n = 1999": lambda r: r["n"] in (700, 1999),
    "n in (5, 6, 1.5, 1500)": lambda r: r["n"] in (5, 6, 1500),
    "n = '5'": lambda r: False,
    "f > 240": lambda r: some(lambda f: f > 240)(r["f"]),
    "f != 1": lambda r: some(lambda f: f != 1)(r["f"]),
    "not f = 1": lambda r: some(lambda f: f != 1)(r["f"]),
    "not f > 10": lambda r: some(lambda f: f <= 10)(r["f"]),
    "f = 1 and n < 50": lambda r: r["f"] == 1 and r["n"] < 50,
    "f is null": lambda r: r["f"] is None,
    "f32 = 0.3": lambda r: r["n"] == 3 and r["f32"] is not None,
    "f32 < 1.25": lambda r: r["f32"] is not None and r["n"] / 10 < 1.25,
    "s = 'k3'": lambda r: r["s"] == "k3",
    "s in ('k1', 'k12', 'x')": lambda r: r["s"] in ("k1", "k12"),
    "s like 'k1%'": lambda r: some(lambda s: s.startswith("k1"))(r["s"]),
    "s != 'k3'": lambda r: some(lambda s: s != "k3")(r["s"]),
    "text >= '01990'": lambda r: some(lambda t: t >= "01990")(r["text"]),
    "text = '00007 é'": lambda r: r["text"] == "00007 é",
    "text like '0012%'": lambda r: some(lambda t: t.startswith("0012"))(r["text"]),
    "at < timestamp '2026-01-01T00:00:10Z'": lambda r: some(lambda t: t < at(10))(r["at"]),
    "at >= timestamp '2026-01-01T01:33:00+01:00'":
        lambda r: some(lambda t: t >= at(33 * 60))(r["at"]),
    "at = '2026-01-01T00:00:05.000005Z'": lambda r: r["n"] == 5 and r["at"] is not None,
    "at = 5": lambda r: False,
    "local >= timestamp '2026-01-02T09:00:00Z'":
        lambda r: some(lambda t: t >= dt.datetime(2026, 1, 2, 9))(r["local"]),
    "day = date '2026-01-03'": lambda r: r["day"] == dt.date(2026, 1, 3),
    "day > '2026-01-18'": lambda r: some(lambda d: d > dt.date(2026, 1, 18))(r["day"]),
    "price > 490.25": lambda r: some(lambda p: p > decimal.Decimal("490.25"))(r["price"]),
    "wide = 1900000000000000000000": lambda r: r["wide"] == 1900 * 10**18,
    "ok = true and n < 9": lambda r: r["ok"] is True and r["n"] < 9,
    "small > 250": lambda r: some(lambda s: s > 250)(r["small"]),
    "large = 18446744073709551610": lambda r: r["large"] == 2**64 - 6,
    "large >= 18446744073709551600": lambda r: some(lambda v: v >= 2**64 - 16)(r["large"]),
    "bytes = 'BwE='": lambda r: r["bytes"] == bytes([7, 1]),
    "time < '00:00:04'": lambda r: some(lambda t: t < dt.time(0, 0, 4))(r["time"]),
    "st.x = 1501": lambda r: below("x")(r) == 1501,
    "st.x is null": lambda r: below("x")(r) is None,
    "st.y = 'y1' and st.x < 20":
        lambda r: below("y")(r) == "y1" and some(lambda x: x < 20)(below("x")(r)),
    "st.deep.z >= 49": lambda r: r["st"] is not None and r["st"]["deep"]["z"] >= 49,
    "st is null": lambda r: r["st"] is None,
    "list is null or n < 2": lambda r: r["list"] is None or r["n"] < 2,
    "map is not null and n > 1990": lambda r: r["map"] is not None and r["n"] > 1990,
    "not (s = 'k3' or n > 40)":
        lambda r: some(lambda s: s != "k3")(r["s"]) and r["n"] <= 40,
}


def write(folder):
    rows = [row(n) for n in range(ROWS)]
    table = pa.Table.from_pylist(rows, SCHEMA)
    for name, options in FILES.items():
        pq.write_table(table, folder / name, **options)
    taken = {text: [r["n"] for r in rows if takes(r)] for text, takes in FILTERS.items()}
    print(json.dumps({"files": list(FILES), "filters": taken}))


if __name__ == "__main__":
    {"compare": compare, "write": write}[sys.argv[1]](Path(sys.argv[2]))
