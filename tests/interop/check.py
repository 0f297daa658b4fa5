"""Reads the files of `tests/tests/interop.rs` with pyarrow, DuckDB and Polars: python check.py FOLDER

FOLDER/manifest.json names each file, its source rows, its schema, and what our own inspector says of it.
"""

import json
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet as pq

import footer
import rows


def with_pyarrow(path):
    return pq.read_table(path)


def with_duckdb(path):
    # Alone, in the file's order: the order of rows is part of what is compared.
    with duckdb.connect() as connection:
        return connection.read_parquet(str(path)).to_arrow_table()


def with_polars(path):
    return polars.read_parquet(path).to_arrow()


ENGINES = [("pyarrow", with_pyarrow), ("DuckDB", with_duckdb), ("Polars", with_polars)]


def main(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    passed = failed = 0
    for case in manifest["cases"]:
        path = folder / case["file"]
        lines = (folder / case["rows"]).read_text().splitlines()
        source = [(line["id"], line["document"]) for line in map(rows.read_json, lines)]
        checks = [
            (name, lambda read=read: rows.differences(source, case["schema"], read(path)))
            for name, read in ENGINES
        ]
        checks += [(name, lambda check=check: check(path, case, source)) for name, check in footer.CHECKS]
        for name, check in checks:
            try:
                wrong = check()
            except Exception as error:  # an engine that refuses the file is a finding, not the end
                wrong = [f"{type(error).__name__}: {error}"]
            if wrong:
                failed += 1
                print(f"FAILED {case['file']} {name}: {len(wrong)} differences")
                for line in wrong[:5]:
                    print(f"       {line}")
            else:
                passed += 1
                print(f"ok     {case['file']} {name}: {len(source)} rows")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
