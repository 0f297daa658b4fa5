"""Point lookups by engines that use bloom filters: python lookups.py FOLDER

FOLDER/lookups.json has, for each kind of ids, some rows as pairs of id and number; KIND.parquet is
the file. For each id, a copy of it is made in which all row groups are overwritten that the bloom
filter excludes, though their least and greatest id do not. An engine finds the row in it only if it
uses the filter. A query that cannot use it must fail there, or nothing would be proven. Prints what
went wrong, and then a summary.
"""

import json
import sys
import uuid
from pathlib import Path

import chdb
import duckdb
import pyarrow.parquet as pq


def excluded(path, identity):
    """Which row groups the bloom filter excludes, as DuckDB's inspector says."""
    with duckdb.connect() as connection:
        query = "select row_group_id, bloom_filter_excludes from parquet_bloom_probe(?, 'id', ?)"
        rows = connection.execute(query, [str(path), identity]).fetchall()
    return {group for group, excludes in rows if excludes}


def in_bounds(statistics, identity):
    """Whether the least and the greatest id leave it possible that the id is there."""
    least, greatest = statistics.min, statistics.max
    stored = identity.bytes if isinstance(identity, uuid.UUID) else identity
    if isinstance(stored, bytes) and isinstance(least, str):
        least, greatest = uuid.UUID(least).bytes, uuid.UUID(greatest).bytes
    return least <= stored <= greatest


def overwritten(path, identity, to):
    """Overwrites the row groups that only the bloom filter excludes; how many of how many."""
    bytes_ = bytearray(path.read_bytes())
    metadata = pq.read_metadata(path)
    count = 0
    for group in excluded(path, identity):
        columns = [metadata.row_group(group).column(at) for at in range(metadata.num_columns)]
        if not in_bounds(columns[0].statistics, identity):
            continue
        for column in columns:
            start = column.dictionary_page_offset or column.data_page_offset
            end = start + column.total_compressed_size
            bytes_[start:end] = b"\xa5" * (end - start)
        count += 1
    to.write_bytes(bytes_)
    return count, metadata.num_row_groups


def by_duckdb(path, literal, filters=True):
    reverse = f"reverse(id::varchar) = reverse({literal}::varchar)"
    condition = f"id = {literal}" if filters else reverse
    with duckdb.connect() as connection:
        return connection.execute(f"select n from '{path}' where {condition}").fetchall()


def by_clickhouse(path, literal, filters=True):
    query = (
        f"select n from file('{path}', Parquet) where id = {literal} "
        f"settings input_format_parquet_bloom_filter_push_down = {int(filters)}"
    )
    printed = str(chdb.query(query, "JSONCompactEachRow"))
    return [tuple(map(int, json.loads(line))) for line in printed.splitlines()]


ENGINES = {"DuckDB": by_duckdb, "ClickHouse": by_clickhouse}
# ClickHouse 26.9 reads all pages of a UUID column.
WITHOUT_FILTERS = {("ClickHouse", "uuid")}
TYPED = {"string": str, "integer": int, "uuid": uuid.UUID}


def failure_of(read, *arguments):
    try:
        return read(*arguments)
    except Exception as error:  # noqa: BLE001: a refusal of damaged pages
        return str(error)


def main(folder):
    wrong, looked = [], 0
    for kind, rows in json.loads((folder / "lookups.json").read_text()).items():
        for identity, number in rows:
            damaged = folder / f"{kind}-damaged.parquet"
            count, groups = overwritten(folder / f"{kind}.parquet", TYPED[kind](identity), damaged)
            if count < groups - 2:
                wrong.append(f"{kind} {identity}: only {count} of {groups} row groups are excluded")
            literal = str(identity) if kind == "integer" else f"'{identity}'"
            for engine, read in ENGINES.items():
                filters = (engine, kind) not in WITHOUT_FILTERS
                path = damaged if filters else folder / f"{kind}.parquet"
                found = failure_of(read, path, literal)
                if found != [(number,)]:
                    wrong.append(f"{engine}, {kind} {identity}: {str(found)[:200]}")
                if isinstance(failure_of(read, damaged, literal, not filters), list):
                    wrong.append(f"{engine}, {kind} {identity}: no overwritten page was read")
                looked += 1
    for line in wrong:
        print(line)
    print(f"{looked} lookups, {len(wrong)} wrong")


main(Path(sys.argv[1]))
