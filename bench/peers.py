"""One round of one peer: NDJSON file to zstd Parquet file, one thread, on one processor.

Prints a JSON object: the processor seconds of the work alone (imports and a first small run, which
loads what a peer loads lazily, come before the clock starts), and the peer's version.

Usage: peers.py {duckdb,polars,pyarrow} --cpu N --sample FILE --input FILE --output FILE
"""

import argparse
import json
import os
import time


def duckdb_peer():
    import duckdb

    def encode(source, target):
        connection = duckdb.connect(config={"threads": 1})
        connection.execute(
            f"COPY (SELECT * FROM read_ndjson('{source}')) TO '{target}'"
            " (FORMAT parquet, COMPRESSION zstd)"
        )
        connection.close()

    return duckdb.__version__, encode


def polars_peer():
    # Read when polars is first imported, so it has to be set here.
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars

    def encode(source, target):
        polars.read_ndjson(source).write_parquet(target, compression="zstd")

    return polars.__version__, encode


def pyarrow_peer():
    import pyarrow
    import pyarrow.json
    import pyarrow.parquet

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)

    def encode(source, target):
        options = pyarrow.json.ReadOptions(use_threads=False)
        table = pyarrow.json.read_json(source, read_options=options)
        pyarrow.parquet.write_table(table, target, compression="zstd")

    return pyarrow.__version__, encode


PEERS = {"duckdb": duckdb_peer, "polars": polars_peer, "pyarrow": pyarrow_peer}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--cpu", type=int, required=True)
    parser.add_argument("--sample", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()

    os.sched_setaffinity(0, {arguments.cpu})
    version, encode = PEERS[arguments.peer]()
    encode(arguments.sample, arguments.output)
    os.remove(arguments.output)
    start = time.process_time()
    encode(arguments.input, arguments.output)
    cpu_s = time.process_time() - start
    print(json.dumps({"cpu_s": cpu_s, "version": version}))


if __name__ == "__main__":
    main()
