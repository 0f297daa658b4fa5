"""Engines that read Delta tables and are asked in SQL, each by the statement of docs/engines.md.

An engine is made of a place and the path of the ids. It reads all rows, counts them, and gives the
ids of the rows that a question takes. ClickHouse is in the Python of requirements.txt, the others
in that of requirements-tables.txt: each imports its packages only when it is asked.
"""

import datetime
import os
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from arrow import plain, table_of
from table_place import aws, storage_options
from table_questions import WHOLE


class Sql:
    """An engine that is asked in SQL, in the dialect of DataFusion unless it says otherwise."""

    quote, backslash = '"', False
    # What a filter on a name with a dot needs, where an engine's kernel splits the name.
    dots = ""
    changed = frozenset()

    def read(self):
        arrow = self.run(f"select * from {self.table(())}")
        return table_of(arrow, [str(field.type) for field in arrow.schema])

    def count(self):
        return plain(self.run(f"select count(*) as n from {self.table(())}").column(0))[0]

    def ids(self, question):
        condition = f"{self.name(question.path)} {question.sign}"
        if question.value is not None:
            condition += f" {self.literal(question.kind, question.value)}"
        table = self.table(question.path)
        if self.dots and has_dot(question.path):
            self.changed = {f"a name with a dot in a filter needs `{self.dots}`"}
        query = f"select {self.name(self.id_path)} as found from {table} where {condition}"
        return plain(self.run(query + self.settings(question.path)).column(0))

    def table(self, _path):
        return "t"

    def settings(self, _path):
        return ""

    def name(self, path):
        """A column, or a field of a struct."""
        return self.quoted(path[0]) + "".join(f"[{self.text(part)}]" for part in path[1:])

    def quoted(self, name):
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def text(self, value):
        value = value.replace("\\", "\\\\") if self.backslash else value
        return "'" + value.replace("'", "''") + "'"

    def literal(self, kind, value):
        if isinstance(value, bool) or kind["type"] in WHOLE:
            return str(value).lower()
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float):
            return f"cast('{value!r}' as double)"
        if isinstance(value, Decimal):
            return f"cast('{value}' as decimal({kind['precision']}, {kind['scale']}))"
        if isinstance(value, datetime.datetime):
            text = value.replace(tzinfo=None).isoformat(" ", "microseconds")
            return self.instant(text)
        return self.day(value.isoformat())

    def instant(self, text):
        return f"arrow_cast('{text}Z', 'Timestamp(Microsecond, Some(\"UTC\"))')"

    def day(self, text):
        return f"date '{text}'"


class QueryBuilder(Sql):
    """deltalake's own SQL."""

    def __init__(self, place, id_path):
        import deltalake

        self.id_path = id_path
        table = deltalake.DeltaTable(place, storage_options=storage_options(place))
        self.queries = deltalake.QueryBuilder().register("t", table)
        self.arrow = import_module("pyarrow").table

    def run(self, query):
        return self.arrow(self.queries.execute(query))


class DataFusion(Sql):
    """DataFusion for Python, by deltalake's table provider; in S3, by its dataset."""

    def __init__(self, place, id_path):
        from datafusion import SessionContext
        from deltalake import DeltaTable

        self.id_path = id_path
        self.context = SessionContext()
        table = DeltaTable(place, storage_options=storage_options(place))
        if place.startswith("s3://"):
            # The provider asks for a store of S3, and finds none that the context has.
            self.context.register_dataset("t", table.to_pyarrow_dataset())
        else:
            self.context.register_table("t", table)

    def run(self, query):
        return self.context.sql(query).to_arrow_table()


class ClickHouse(Sql):
    """chdb's `deltaLake` and `deltaLakeLocal`."""

    quote, backslash = "`", True
    dots = "settings delta_lake_enable_engine_predicate = 0"

    def __init__(self, place, id_path):
        self.chdb = import_module("chdb")
        self.ipc = import_module("pyarrow.ipc")
        self.id_path = id_path
        if place.startswith("s3://"):
            url = f"{aws('ENDPOINT_URL').rstrip('/')}/{place.removeprefix('s3://')}/"
            keys = [url, aws("ACCESS_KEY_ID"), aws("SECRET_ACCESS_KEY")]
            self.source = f"deltaLake({', '.join(map(self.text, keys))})"
        else:
            self.source = f"deltaLakeLocal({self.text(str(Path(place).resolve()))})"

    def run(self, query):
        return self.ipc.open_file(self.chdb.query(query, "Arrow").bytes()).read_all()

    def table(self, _path):
        return self.source

    def settings(self, path):
        return f" {self.dots}" if has_dot(path) else ""

    def quoted(self, name):
        return super().quoted(name.replace("\\", "\\\\"))

    def name(self, path):
        name = self.quoted(path[0])
        for part in path[1:]:
            name = f"tupleElement({name}, {self.text(part)})"
        return name

    def literal(self, kind, value):
        if isinstance(value, Decimal):
            return f"toDecimal128('{value}', {kind['scale']})"
        if isinstance(value, float):
            return f"toFloat64('{value!r}')"
        return super().literal(kind, value)

    def instant(self, text):
        return f"toDateTime64('{text}', 6, 'UTC')"

    def day(self, text):
        return f"toDate32('{text}')"


class DuckDb(Sql):
    """`delta_scan`, with the extensions from their wheels."""

    dots = "pushdown_filters = 'none'"

    def __init__(self, place, id_path):
        duckdb = import_module("duckdb")
        self.id_path = id_path
        self.connection = duckdb.connect()
        for name in ("delta", "httpfs"):
            package = Path(import_module(f"duckdb_extension_{name}").__file__).parent
            [file] = package.glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension")
            self.connection.execute(f"load {self.text(str(file))}")
        self.connection.execute("set timezone = 'UTC'")
        self.place = self.text(place)
        if place.startswith("s3://"):
            self.connection.execute(self.secret())

    def secret(self):
        endpoint = urlsplit(aws("ENDPOINT_URL"))
        return (
            f"create secret (type s3, endpoint {self.text(endpoint.netloc)}, url_style 'path', "
            f"use_ssl {str(endpoint.scheme == 'https').lower()}, "
            f"region {self.text(aws('REGION', 'us-east-1'))}, "
            f"key_id {self.text(aws('ACCESS_KEY_ID'))}, "
            f"secret {self.text(aws('SECRET_ACCESS_KEY'))})"
        )

    def run(self, query):
        return self.connection.execute(query).to_arrow_table()

    def table(self, path):
        options = f", {self.dots}" if has_dot(path) else ""
        return f"delta_scan({self.place}{options})"

    def instant(self, text):
        return f"timestamptz '{text}+00'"


class Sail(Sql):
    """PySail: a Spark Connect server in this process, with a driver and two workers."""

    quote, backslash = "`", True
    spark = None

    def __init__(self, place, id_path):
        self.id_path = id_path
        if Sail.spark is None:
            Sail.spark = self.session(storage_options(place))
        frame = Sail.spark.read.format("delta").load(place)
        frame.createOrReplaceTempView("t")

    def session(self, options):
        os.environ.update(options)
        if options:
            # The server has a name of its own for it.
            os.environ["AWS_ENDPOINT"] = options["AWS_ENDPOINT_URL"]
        os.environ.setdefault("RUST_LOG", "error")
        os.environ["SAIL_MODE"] = "local-cluster"
        os.environ["SAIL_CLUSTER__WORKER_INITIAL_COUNT"] = "2"
        os.environ["SAIL_CLUSTER__WORKER_MAX_COUNT"] = "2"
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        Sail.server = SparkConnectServer()
        Sail.server.start()
        _, port = Sail.server.listening_address
        spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        return spark

    def run(self, query):
        return Sail.spark.sql(query).toArrow()

    def name(self, path):
        return ".".join(map(self.quoted, path))

    def text(self, value):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def instant(self, text):
        return f"timestamp '{text}Z'"


def has_dot(path):
    return any("." in name for name in path)
