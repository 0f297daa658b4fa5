"""Engines that read Delta tables and are asked by expressions; see `table_sql.py`."""

import os
import re
from importlib import import_module

from arrow import plain, table_of
from table_place import aws, storage_options


class Dataset:
    """deltalake's `to_pyarrow_dataset`."""

    changed = frozenset()

    def __init__(self, place, id_path):
        from deltalake import DeltaTable

        self.field = import_module("pyarrow.compute").field
        self.scalar = import_module("pyarrow").scalar
        self.id_path = id_path
        table = DeltaTable(place, storage_options=storage_options(place))
        self.dataset = table.to_pyarrow_dataset()

    def read(self):
        arrow = self.dataset.to_table()
        return table_of(arrow, [str(field.type) for field in arrow.schema])

    def count(self):
        return self.dataset.count_rows()

    def ids(self, question):
        columns = {"found": self.field(*self.id_path)}
        condition = self.condition(question)
        return plain(self.dataset.to_table(columns=columns, filter=condition).column(0))

    def condition(self, question):
        field = self.field(*question.path)
        if question.value is None:
            return field.is_null() if question.sign == "is null" else field.is_valid()
        return compared(field, question.sign, self.scalar(question.value))


class Polars:
    """`scan_delta`."""

    changed = frozenset()

    def __init__(self, place, id_path):
        self.polars = import_module("polars")
        self.place, self.options = place, storage_options(place)
        self.id_path = id_path

    def scan(self):
        return self.polars.scan_delta(self.place, storage_options=self.options)

    def read(self):
        arrow = self.scan().collect().to_arrow()
        return table_of(arrow, [str(field.type) for field in arrow.schema])

    def count(self):
        return self.scan().select(self.polars.len()).collect().item()

    def ids(self, question):
        column = self.column(question.path)
        if question.value is None:
            condition = column.is_null() if question.sign == "is null" else column.is_not_null()
        else:
            condition = compared(column, question.sign, self.polars.lit(question.value))
        found = self.scan().filter(condition).select(self.column(self.id_path).alias("found"))
        return plain(found.collect().to_arrow().column(0))

    def column(self, path):
        column = self.polars.col(path[0])
        for name in path[1:]:
            column = column.struct.field(name)
        return column


# Daft hands a filter to the reader of a file, which may lack the column or the field. Types whose
# absence it does not stand, it refuses; no answer of it is wrong.
DAFT_REFUSES = "types: Null, (Timestamp|Date)|received: Null|FieldNotFound|downcast Null"


class Daft:
    """`read_deltalake`."""

    whole = None

    def __init__(self, place, id_path):
        os.environ.setdefault("DAFT_PROGRESS_BAR", "0")
        os.environ.setdefault("DAFT_ANALYTICS_ENABLED", "0")
        self.daft = import_module("daft")
        self.id_path = id_path
        self.changed = set()
        self.frame = self.daft.read_deltalake(place, io_config=self.config(place))

    def config(self, place):
        if not place.startswith("s3://"):
            return None
        from daft.io import IOConfig, S3Config

        endpoint = aws("ENDPOINT_URL")
        s3 = S3Config(
            endpoint_url=endpoint,
            key_id=aws("ACCESS_KEY_ID"),
            access_key=aws("SECRET_ACCESS_KEY"),
            region_name=aws("REGION", "us-east-1"),
            use_ssl=endpoint.startswith("https://"),
        )
        return IOConfig(s3=s3)

    def read(self):
        arrow = self.frame.to_arrow()
        return table_of(arrow, [str(field.type) for field in arrow.schema])

    def count(self):
        return self.frame.count_rows()

    def ids(self, question):
        column = self.column(question.path)
        if question.value is None:
            condition = column.is_null() if question.sign == "is null" else column.not_null()
        else:
            condition = compared(column, question.sign, self.daft.lit(question.value))
        try:
            return self.taken(self.frame, condition)
        except Exception as error:
            if not re.search(DAFT_REFUSES, str(error)):
                raise
            self.changed.add("a filter on what a file lacks may need `collect()` before it")
            self.whole = self.whole or self.daft.from_arrow(self.frame.to_arrow())
            return self.taken(self.whole, condition)

    def taken(self, frame, condition):
        found = frame.where(condition).select(self.column(self.id_path).alias("found"))
        return plain(found.to_arrow().column(0))

    def column(self, path):
        column = self.daft.col(path[0])
        for name in path[1:]:
            column = column.get(name)
        return column


def compared(column, sign, value):
    return {"=": column == value, "<": column < value, ">=": column >= value}[sign]
