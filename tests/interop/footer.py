"""What a file says of itself to pyarrow and DuckDB, against its rows and our inspector."""

import re
import struct
import uuid
import zlib
from decimal import localcontext

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq



def check_fields(path, case, _source):
    """Fields have the ids that a given schema states, and inferred ones have none."""
    schema = pq.ParquetFile(path).schema_arrow
    stated = case["schema"]
    ids = {"_id": stated.get("id_field_id"), "_rescued_data": stated.get("rescued_field_id")}
    kinds = {column["name"]: column for column in stated["columns"]}
    wrong, leaves = [], []

    def walk(field, kind, wanted, where):
        number = (field.metadata or {}).get(b"PARQUET:field_id")
        number = None if number is None else int(number)
        if number != wanted:
            wrong.append(f"{where} has the field id {number}, not {wanted}")
        if kind.get("type") == "struct":
            for below in kind["fields"]:
                if below["type"] != "null":
                    name = below["name"]
                    walk(field.type.field(name), below, below.get("field_id"), f"{where}.{name}")
        elif kind.get("type") == "list":
            element = kind["element"]
            walk(field.type.value_field, element, element.get("field_id"), f"{where}[]")
        else:
            leaves.append(number)

    for field in schema:
        kind = kinds.get(field.name, {})
        walk(field, kind, kind.get("field_id", ids.get(field.name)), field.name)
    reported = [chunk["field_id"] for chunk in case["report"]["row_groups"][0]["chunks"]]
    if leaves != reported:
        wrong.append(f"the leaves have the ids {leaves}, the inspector says {reported}")
    return wrong


def check_types(path, case, _source):
    """The columns have the types that the test's author expects, as Arrow names them."""
    schema = pq.ParquetFile(path).schema_arrow
    found = {field.name: str(field.type) for field in schema}
    wanted = case["types"]
    return [
        f"{name!r} is {found.get(name)}, not {kind}"
        for name, kind in wanted.items()
        if found.get(name) != kind
    ]


def check_metadata(path, case, _source):
    """Who wrote it, and what it holds, in the key-value metadata."""
    metadata = pq.ParquetFile(path).metadata
    report = case["report"]
    wrong = []
    if metadata.created_by != report["created_by"] or not metadata.created_by.startswith("coldpress"):
        wrong.append(f"created_by is {metadata.created_by!r}")
    found = {key.decode(): value.decode() for key, value in metadata.metadata.items()}
    if found != dict(report["metadata"]):
        wrong.append(f"the metadata are {found}, the inspector says {report['metadata']}")
    for key, value in case["metadata"].items():
        if found.get(key) != value:
            wrong.append(f"{key} is {found.get(key)!r}, not {value!r}")
    strange = [key for key in found if not key.startswith("coldpress.")]
    if strange:
        wrong.append(f"metadata of nobody's: {strange}")
    if metadata.num_rows != sum(group["rows"] for group in report["row_groups"]):
        wrong.append(f"{metadata.num_rows} rows, the inspector says otherwise")
    return wrong


def check_checksum(path, _case, _source):
    """The checksum of the whole file, computed as docs/format.md says, from its bytes alone."""
    data = path.read_bytes()
    said = list(re.finditer(rb"\x18\x0fcoldpress\.crc32\x18\x08([0-9a-f]{8})", data))
    if not said:
        return ["there is no checksum of the whole file"]
    zeroed = data[: said[-1].start(1)] + b"00000000" + data[said[-1].end(1) :]
    found = f"{zlib.crc32(zeroed):08x}".encode()
    return [] if said[-1][1] == found else [f"the checksum is {said[-1][1]}, the bytes have {found}"]


def check_chunks(path, case, _source):
    """Codec, encodings, sizes, indexes and bloom filters of every column chunk."""
    metadata = pq.ParquetFile(path).metadata
    groups = case["report"]["row_groups"]
    if metadata.num_row_groups != len(groups):
        return [f"{metadata.num_row_groups} row groups, the inspector says {len(groups)}"]
    wrong = []
    pages_end = max(map(end_of, all_chunks(metadata)))
    for number, group in enumerate(groups):
        for at, reported in enumerate(group["chunks"]):
            chunk = metadata.row_group(number).column(at)
            where = f"row group {number}, {chunk.path_in_schema}"
            bloom = chunk.bloom_filter_offset is not None
            pairs = {
                "codec": (chunk.compression, case["codec"]),
                "physical type": (chunk.physical_type, reported["physical_type"]),
                "encodings": (sorted(chunk.encodings), sorted(reported["encodings"])),
                "values": (chunk.num_values, reported["values"]),
                "compressed bytes": (chunk.total_compressed_size, reported["compressed_bytes"]),
                "uncompressed bytes": (chunk.total_uncompressed_size, reported["uncompressed_bytes"]),
                "column index": (chunk.has_column_index, True),
                "offset index": (chunk.has_offset_index, True),
                "bloom filter": (bloom, case["bloom_filters"] and chunk.path_in_schema == id_column(case)),
                "bloom filter before pages": (
                    bloom and chunk.bloom_filter_offset < pages_end,
                    False,
                ),
                "the inspector's bloom filter": (reported["bloom_filter"], bloom),
                "the inspector's indexes": ((reported["column_index"], reported["offset_index"]), (True, True)),
            }
            for what, (found, wanted) in pairs.items():
                if found != wanted:
                    wrong.append(f"{where}: {what} is {found}, not {wanted}")
            encoding = case["encodings"].get(chunk.path_in_schema)
            if encoding and encoding not in chunk.encodings:
                wrong.append(f"{where}: encoded as {chunk.encodings}, without {encoding}")
    return wrong


def all_chunks(metadata):
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return [group.column(at) for group in groups for at in range(group.num_columns)]


def end_of(chunk):
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    return start + chunk.total_compressed_size


def check_statistics(path, case, _source):
    """Nulls, least and greatest value of every chunk, computed anew from values whose checksums are verified."""
    file = pq.ParquetFile(path, page_checksum_verification=True)
    wrong = []
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        leaves = leaf_arrays(file.read_row_group(number))
        for at, values in enumerate(leaves):
            chunk = group.column(at)
            reported = case["report"]["row_groups"][number]["chunks"][at]
            where = f"row group {number}, {chunk.path_in_schema}"
            statistics = chunk.statistics
            nulls = chunk.num_values - len(values)
            if statistics is None or statistics.null_count != nulls or reported["nulls"] != nulls:
                wrong.append(f"{where}: {nulls} nulls, and the statistics are {statistics}")
            elif len(values) and not statistics.has_min_max:
                wrong.append(f"{where}: no least and greatest value")
            elif len(values):
                least, greatest = in_order(statistics, values)
                wrong += bounds(where, statistics, least, greatest)
    return wrong


def leaf_arrays(table):
    """The values of each leaf column without nulls, in the order of the file's columns."""

    def walk(array):
        if isinstance(array, pa.ExtensionArray):
            return walk(array.storage)
        if pa.types.is_struct(array.type):
            # `flatten` lays the struct's own nulls over its fields.
            return [leaf for field in array.flatten() for leaf in walk(field)]
        if pa.types.is_list(array.type):
            return walk(array.flatten())
        return [array.drop_null()]

    return [leaf for column in table.columns for leaf in walk(column.combine_chunks())]


def in_order(statistics, values):
    """The least and greatest value in the form that `min_raw` and `max_raw` have them."""
    kind = values.type
    if pa.types.is_decimal(kind):
        # Python's own context would round to 28 digits.
        with localcontext(prec=kind.precision):
            scaled = [int(value.scaleb(kind.scale)) for value in values.to_pylist()]
        return min(scaled), max(scaled)
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        values = [value.encode() if isinstance(value, str) else value for value in values.to_pylist()]
        return min(values), max(values)
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.int64())
    if pa.types.is_date32(kind):
        values = values.cast(pa.int32())
    extremes = pc.min_max(values).as_py()
    return extremes["min"], extremes["max"]


def bounds(where, statistics, least, greatest):
    low, high = (raw_value(statistics, raw) for raw in (statistics.min_raw, statistics.max_raw))
    if isinstance(least, bytes) and (len(least) > 32 or len(greatest) > 32):
        # Long ones may be cut, downwards and upwards.
        exact = low <= least and high >= greatest
    else:
        exact = low == least and high == greatest
    return [] if exact else [f"{where}: from {low!r} to {high!r}, and it is {least!r} to {greatest!r}"]


def raw_value(statistics, raw):
    kind = str(statistics.logical_type)
    if kind.startswith("Decimal"):
        return int.from_bytes(raw, "big", signed=True) if isinstance(raw, bytes) else raw
    if "isSigned=false" in kind:
        return struct.unpack("<I", struct.pack("<i", raw))[0]
    return raw.encode() if isinstance(raw, str) else raw


def id_column(case):
    """The path of the column that holds the ids."""
    return ".".join(case["schema"].get("id_field", ["_id"]))


def check_bloom(path, case, source):
    """The bloom filter of the ids, if there is one, lets every id through and keeps strangers out."""
    if not case["bloom_filters"]:
        return []
    kinds = {column["name"]: column["type"] for column in case["schema"]["columns"]}
    kind = kinds.get(id_column(case), "string")
    typed = {"int64": int, "uuid": uuid.UUID}.get(kind, str)
    stranger = {
        "int64": lambda number: 7 + number,
        "uuid": lambda number: uuid.UUID(int=number),
    }.get(kind, lambda number: f"no such id {number}")
    with duckdb.connect() as connection:

        def excluded(identity):
            query = "select bool_and(bloom_filter_excludes) from parquet_bloom_probe(?, ?, ?)"
            return connection.execute(query, [str(path), id_column(case), identity]).fetchone()[0]

        step = max(1, len(source) // 50)
        wrong = [f"{identity!r} is shut out" for identity, _ in source[::step] if excluded(typed(identity))]
        strangers = [stranger(number) for number in range(50)]
        kept_out = sum(map(excluded, strangers))
    if kept_out < 45:
        wrong.append(f"only {kept_out} of 50 strangers are shut out")
    return wrong


CHECKS = [
    ("field ids", check_fields),
    ("types", check_types),
    ("metadata", check_metadata),
    ("checksum", check_checksum),
    ("column chunks", check_chunks),
    ("statistics", check_statistics),
    ("bloom filter", check_bloom),
]
