"""The engines that share one Python: each reads a file into a `rows.Table`."""

import json
import tempfile
from importlib.metadata import version

import chdb
import duckdb
import fastparquet
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.memory import InMemoryCatalog

from arrow import NANOS_OF_UNIT, table_of
from rows import Table


def with_pyarrow(path, _schema):
    table = pq.read_table(path)
    return table_of(table, [str(field.type) for field in table.schema])


def with_duckdb(path, _schema):
    # Alone, in the file's order: the order of rows is part of what is compared.
    with duckdb.connect() as connection:
        relation = connection.read_parquet(str(path))
        return table_of(relation.to_arrow_table(), [str(kind) for kind in relation.types])


def with_polars(path, _schema):
    frame = polars.read_parquet(path)
    columns = [from_polars(series) for series in frame.get_columns()]
    return Table(frame.columns, [str(kind) for kind in frame.dtypes], columns)


def from_polars(series):
    """Not by Arrow: Polars hands no name with a zero byte over, and reads it well."""
    kind = series.dtype
    if kind == polars.Struct:
        fields = {field.name: from_polars(series.struct.field(field.name)) for field in kind.fields}
        rows = zip(*fields.values())
        return [
            dict(zip(fields, row)) if valid else None
            for valid, row in zip(series.is_not_null().to_list(), rows)
        ]
    if kind == polars.List:
        lengths = series.list.len()
        elements = iter(from_polars(series.filter(lengths.fill_null(0) > 0).explode()))
        return [
            None if length is None else [next(elements) for _ in range(length)]
            for length in lengths.to_list()
        ]
    if kind == polars.Datetime:
        nanos = NANOS_OF_UNIT[kind.time_unit]
        return [None if at is None else at * nanos for at in series.to_physical().to_list()]
    return (series.to_physical() if kind == polars.Date else series).to_list()


def with_clickhouse(path, _schema):
    name = str(path).replace("\\", "\\\\").replace("'", "\\'")
    source = f"file('{name}', Parquet)"
    described = json.loads(chdb.query(f"describe table {source}", "JSONCompact").bytes())
    found = chdb.query(f"select * from {source}", "Arrow").bytes()
    types = [" ".join(row[1].split()) for row in described["data"]]
    return table_of(pa.ipc.open_file(found).read_all(), types)


class Iceberg:
    """Files are added to a table as they are, and the table is read back."""

    def __init__(self):
        self.warehouse = tempfile.TemporaryDirectory()
        self.catalog = InMemoryCatalog("interop", warehouse=f"file://{self.warehouse.name}")
        self.catalog.create_namespace("files")
        self.tables = 0

    def __call__(self, path, _schema, more=()):
        self.tables += 1
        name = f"files.t{self.tables}"
        table = self.catalog.create_table(name, schema=pq.read_schema(path))
        for file in (path, *more):
            table.add_files([str(file)])
        types = [str(field.field_type) for field in table.schema().fields]
        return table_of(table.scan().to_arrow(), types)


def with_fastparquet(path, schema):
    """It lays structs out as columns named by their paths, which are put together again here."""
    frame = fastparquet.ParquetFile(str(path)).to_pandas()
    fields = [] if "id_field" in schema else [{"name": "_id", "type": "string"}]
    fields += [column for column in schema["columns"] if column["type"] != "null"]
    if "_rescued_data" in frame.columns:
        fields.append({"name": "_rescued_data", "type": "json"})
    columns = [from_pandas(frame, field["name"], field) for field in fields]
    return Table(
        [field["name"] for field in fields],
        [pandas_type(frame, field["name"]) for field in fields],
        columns,
    )


def pandas_type(frame, path):
    return str(frame[path].dtype) if path in frame.columns else "a column for each field"


def from_pandas(frame, path, kind):
    if kind["type"] == "struct" and path not in frame.columns:
        fields = [field for field in kind["fields"] if field["type"] != "null"]
        columns = [from_pandas(frame, f"{path}.{field['name']}", field) for field in fields]
        names = [field["name"] for field in fields]
        return [dict(zip(names, values)) for values in zip(*columns)]
    series = frame[path]
    if isinstance(series, pandas.DataFrame):
        raise ValueError(f"two columns are named {path!r}")
    if series.dtype.kind == "M":
        nanos = NANOS_OF_UNIT[series.dt.unit]
        day = 86_400 * 10**9 // nanos
        absent = series.isna()
        values = [None if gone else value for gone, value in zip(absent, series.astype("int64"))]
        if kind["type"] == "date":
            return [None if value is None else value // day for value in values]
        return [None if value is None else value * nanos for value in values]
    return [None if is_na(value) else value for value in series.tolist()]


def is_na(value):
    return value is None or value is pandas.NA or (isinstance(value, float) and value != value)


def engine(name, package, read, how, ordered=True):
    return {
        "name": name,
        "version": version(package),
        "read": read,
        "how": how,
        "ordered": ordered,
    }


def clickhouse_version():
    return chdb.query("select version()", "TabSeparatedRaw").bytes().decode().strip()


ENGINES = [
    engine("pyarrow", "pyarrow", with_pyarrow, "`pyarrow.parquet.read_table`"),
    engine("DuckDB", "duckdb", with_duckdb, "`read_parquet`"),
    engine("Polars", "polars", with_polars, "`polars.read_parquet`"),
    {
        **engine("ClickHouse", "chdb", with_clickhouse, "`select * from file(…)`", ordered=False),
        "how": f"`select * from file(…)` of chdb {version('chdb')}, at default settings",
        "version": clickhouse_version(),
    },
    engine(
        "PyIceberg",
        "pyiceberg",
        Iceberg(),
        "`create_table` with the file's schema, `add_files`, `scan`",
        ordered=False,
    ),
    engine("fastparquet", "fastparquet", with_fastparquet, "`ParquetFile.to_pandas`"),
]
