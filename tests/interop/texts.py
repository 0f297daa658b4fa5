"""Texts that are more than text: python texts.py FOLDER

FOLDER/texts.json has `judged`, texts with a file of each, and `filtered`, a file of climbing
instants and days. Prints what DuckDB makes of the texts, and what filters find in the file.
"""

import datetime
import json
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.compute as pc
import pyarrow.dataset as dataset
import pyarrow.parquet as pq


def main(folder):
    given = json.loads((folder / "texts.json").read_text())
    judged = [judge(folder, **case) for case in given["judged"]]
    print(json.dumps({"judged": judged, "filtered": filtered(folder, **given["filtered"])}))


def judge(folder, rows, file):
    """DuckDB's type of the text in JSON, and whether both files have the same value for it."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        value = "typeof(v), cast(v as varchar)"
        of_json = f"select {value} from read_json('{folder / rows}')"
        of_file = f"select {value} from read_parquet('{folder / file}')"
        [kind, text] = connection.execute(of_json).fetchone()
        [kind_in_file, text_in_file] = connection.execute(of_file).fetchone()
        return {"duckdb": kind, "in_file": kind_in_file, "same": text == text_in_file}


def filtered(folder, file, instant, day):
    """How many rows are at or after an instant and a day, and the bounds of each row group."""
    path = folder / file
    at = datetime.datetime.fromisoformat(instant)
    on = datetime.date.fromisoformat(day)
    with duckdb.connect() as connection:
        count = f"select count(*) from read_parquet('{path}') where"
        by_duckdb = [
            connection.execute(f"{count} \"at\" >= timestamptz '{instant}'").fetchone()[0],
            connection.execute(f"{count} \"day\" >= date '{day}'").fetchone()[0],
        ]
    frame = polars.scan_parquet(path)
    by_polars = [
        frame.filter(polars.col("at") >= at).collect().height,
        frame.filter(polars.col("day") >= on).collect().height,
    ]
    rows = dataset.dataset(path)
    by_pyarrow = [
        rows.count_rows(filter=pc.field("at") >= at),
        rows.count_rows(filter=pc.field("day") >= on),
    ]
    bounds = []
    metadata = pq.read_metadata(path)
    for group in range(metadata.num_row_groups):
        table = pq.ParquetFile(path).read_row_group(group)
        for name in ("at", "day"):
            column = metadata.schema.to_arrow_schema().get_field_index(name)
            statistics = metadata.row_group(group).column(column).statistics
            found = pc.min_max(table[name]).as_py()
            bounds.append([statistics.min, statistics.max] == [found["min"], found["max"]])
    return {
        "duckdb": by_duckdb,
        "polars": by_polars,
        "pyarrow": by_pyarrow,
        "row_groups": metadata.num_row_groups,
        "bounds": all(bounds),
    }


main(Path(sys.argv[1]))
