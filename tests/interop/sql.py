"""DuckDB's answers over the files of a collection: python sql.py FOLDER QUERIES

QUERIES is a JSON array of statements over the table `events`: all files of FOLDER by name, with the
LSNs of their keys. Prints a JSON array with the rows of each, as arrays of texts, numbers, booleans
and nulls.
"""

import json
import sys
from pathlib import Path

import duckdb

# A table, and no view: DuckDB 2.0 fails where a filter meets a struct that a file lacks.
TABLE = """
    create table events as
    select * exclude (filename) replace ("at"::timestamp as "at"),
        regexp_extract(filename, 'lsn-([0-9]+)-', 1)::ubigint as _lsn_min,
        regexp_extract(filename, 'lsn-[0-9]+-([0-9]+)', 1)::ubigint as _lsn_max
    from read_parquet('{folder}/*.parquet', union_by_name = true, filename = true)
"""


def plain(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        # As in our JSON: a field that is null is left out.
        return {name: plain(each) for name, each in value.items() if each is not None}
    if hasattr(value, "tzinfo"):
        # All instants of the test have whole milliseconds.
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
    return str(value)


def main(folder, queries):
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(TABLE.format(folder=folder))
        rows = [connection.execute(query).fetchall() for query in queries]
    print(json.dumps([[[plain(value) for value in row] for row in answer] for answer in rows]))


main(Path(sys.argv[1]), json.loads(sys.argv[2]))
