"""Collections of several files, read as one table: python folders.py FOLDER engines|spark

Each folder of FOLDER/manifest.json is a collection: its files in order, `rows.json` with pairs of
id and document, and `schema.json`, the schema of its last file. Prints one line for each value that
is not the one that was put, and then how many collections were compared.
"""

import sys
from pathlib import Path

from rows import Table, differences, in_order_of, read_json


def engines():
    import duckdb
    import polars
    import pyarrow.dataset as dataset
    import pyarrow.parquet as pq

    from arrow import table_of
    from engines import from_polars

    def with_duckdb(files):
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'UTC'")
            relation = connection.read_parquet([str(file) for file in files], union_by_name=True)
            return table_of(relation.to_arrow_table(), [str(kind) for kind in relation.types])

    def with_polars(files):
        # The last file has all columns, but `_rescued_data` only if its rows need it.
        schema = polars.read_parquet_schema(files[-1])
        if any("_rescued_data" in polars.read_parquet_schema(file) for file in files):
            schema["_rescued_data"] = polars.String
        frame = polars.scan_parquet(
            files,
            schema=schema,
            missing_columns="insert",
            cast_options=polars.ScanCastOptions(missing_struct_fields="insert"),
        ).collect()
        return table_of_polars(frame)

    def with_polars_concat(files):
        # The shorter recipe of docs/schema.md.
        scans = [polars.scan_parquet(file) for file in files]
        return table_of_polars(polars.concat(scans, how="diagonal_relaxed").collect())

    def table_of_polars(frame):
        columns = [from_polars(series) for series in frame.get_columns()]
        return Table(frame.columns, [str(kind) for kind in frame.dtypes], columns)

    def with_pyarrow(files):
        schemas = [pq.read_schema(file) for file in files]
        with_rescued = [each for each in schemas if "_rescued_data" in each.names]
        schema = schemas[-1]
        if "_rescued_data" not in schema.names and with_rescued:
            schema = schema.append(with_rescued[0].field("_rescued_data"))
        table = dataset.dataset([str(file) for file in files], schema=schema).to_table()
        return table_of(table, [str(field.type) for field in table.schema])

    return {
        "DuckDB": with_duckdb,
        "Polars": with_polars,
        "Polars, one scan for each file": with_polars_concat,
        "pyarrow": with_pyarrow,
    }


def spark():
    from spark import SPARK, plain

    def with_spark(files):
        frame = SPARK.read.option("mergeSchema", True).parquet(*map(str, files))
        rows = frame.collect()
        columns = [[plain(row[at]) for row in rows] for at in range(len(frame.columns))]
        return Table(frame.columns, [kind for _, kind in frame.dtypes], columns)

    return {"Spark": with_spark}


def named(table, schema):
    """The table in the order of the schema: an engine joins columns of files in its own order."""
    fields = [column["name"] for column in schema["columns"] if column["type"] != "null"]
    wanted = ["_id", *fields, *(["_rescued_data"] if "_rescued_data" in table.names else [])]
    if sorted(wanted) != sorted(table.names):
        return table
    at = {name: place for place, name in enumerate(table.names)}
    columns = [table.columns[at[name]] for name in wanted]
    return Table(wanted, [table.types[at[name]] for name in wanted], columns)


def main(folder, module):
    readers = {"engines": engines, "spark": spark}[module]()
    collections = read_json((folder / "manifest.json").read_text())
    wrong = 0
    for name in collections:
        files = sorted((folder / name).glob("*.parquet"))
        source = read_json((folder / name / "rows.json").read_text())
        schema = read_json((folder / name / "schema.json").read_text())
        for engine, read in readers.items():
            try:
                table = in_order_of(source, named(read(files), schema))
                found = differences(source, schema, table).wrong
            except Exception as error:  # noqa: BLE001: an engine's refusal is a finding
                found = [f"{type(error).__name__}: {error}".split("\n")[0]]
            wrong += len(found)
            for line in found[:3]:
                print(f"{engine}, {name}: {line}")
    print(f"{len(collections)} collections by {', '.join(readers)}, {wrong} wrong")


main(Path(sys.argv[1]), sys.argv[2])
