"""Arrow's arrays as plain Python values, which `rows.py` compares."""

import pyarrow as pa

from rows import Table

NANOS_OF_UNIT = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def table_of(arrow, types):
    """An Arrow table as `rows.py` takes it; `types` are the engine's own names of its columns'."""
    columns = [plain(column) for column in arrow.columns]
    return Table(arrow.column_names, types, columns)


def plain(array):
    """The values: instants as nanoseconds, days as days, the rest as they are."""
    if isinstance(array, pa.ChunkedArray):
        return [value for chunk in array.chunks for value in plain(chunk)]
    if isinstance(array, pa.ExtensionArray):
        return plain(array.storage)
    if isinstance(array, pa.DictionaryArray):
        return plain(array.dictionary_decode())
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
    if pa.types.is_string(kind):
        return [text_of(value) for value in array.cast(pa.binary()).to_pylist()]
    return array.to_pylist()


def text_of(value):
    """ClickHouse's text is any bytes."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value
