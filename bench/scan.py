"""Scans of 5 million rows on the local disk: coldpress beside DuckDB and DataFusion.

  cargo build --release -p coldpress-cli -p coldpress-bench
  target/tools/python/bin/python bench/scan.py [--rows 5000000] [--folder DIR] [--rounds 3]

Each query runs in a fresh process on all processors. Of the command coldpress the whole process
counts, its start and its output included. Of the library coldpress (`coldpress-bench scan`) and of
the others only the query counts: their processes are warm, and imports come before the clock. All
write what they find as JSON lines: to nowhere, or in memory (DataFusion). The last column is
DataFusion that makes record batches and writes nothing, which is less work. The table shows
processor seconds, and wall seconds in brackets: medians.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "target", "release")


def queries(folder):
    """Name, arguments of `coldpress cat`, and the condition in SQL."""
    first = run_lines([coldpress(), "cat", "-c", "t", "--limit", "1", "--store", folder])
    at = json.loads(first[0])["ts"]
    rows = int(open(os.path.join(folder, "rows")).read())
    # A row takes 4.5 ms on average: this is one row in a hundred.
    low, high = at + 2 * rows, at + 2 * rows + rows * 45 // 1000
    last = run_lines([coldpress(), "cat", "-c", "t", "--where", f"ts >= {low}", "--limit", "1",
                      "--store", folder, "--with-id"])
    wanted = json.loads(last[0])["_id"]
    devices = ", ".join(f"'{name}'" for name in names(folder))
    return [
        ("full scan", [], "true"),
        ("a range of the climbing column", ["--where", f"ts >= {low} and ts < {high}"],
         f"ts >= {low} and ts < {high}"),
        ("1 % of rows, scattered", ["--where", f"device in ({devices})"], f"device in ({devices})"),
        ("one id", ["--id", wanted], f"_id = '{wanted}'"),
    ]


def names(folder):
    lines = run_lines([coldpress(), "cat", "-c", "t", "--limit", "400", "--columns", "device",
                       "--store", folder])
    return sorted({json.loads(line)["device"] for line in lines})[:10]


def coldpress():
    return os.path.join(RELEASE, "coldpress")


def run_lines(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def make(folder, rows):
    marker = os.path.join(folder, "rows")
    if os.path.exists(marker) and open(marker).read() == str(rows):
        return
    os.makedirs(folder, exist_ok=True)
    generator = subprocess.Popen(
        [os.path.join(RELEASE, "coldpress-bench"), "gen", "--rows", str(rows)],
        stdout=subprocess.PIPE)
    put = [coldpress(), "put", "-c", "t", "--append", "--store", folder]
    subprocess.run(put, check=True, stdin=generator.stdout, stdout=subprocess.DEVNULL)
    with open(marker, "w") as out:
        out.write(str(rows))


def ours(folder, arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [coldpress(), "cat", "-c", "t", "--store", folder, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall


def library(folder, arguments):
    command = [os.path.join(RELEASE, "coldpress-bench"), "scan", "--folder", folder, *arguments]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu, wall = map(float, found.split())
    return cpu, wall


PEER = """
import sys, time
kind, files, condition = sys.argv[1:]
if kind == 'duckdb':
    import duckdb
    db = duckdb.connect()
    db.execute('select 1').fetchall()
    def work():
        source = f"select * from read_parquet('{files}', union_by_name = true) where {condition}"
        db.execute(f"copy ({source}) to '/dev/null' (format json)")
else:
    from datafusion import SessionContext
    context = SessionContext()
    context.sql('select 1').collect()
    def work():
        context.register_parquet('t', files.rsplit('/', 1)[0])
        source = f'select * from t where {condition}'
        if kind == 'batches':
            sum(batch.num_rows for batch in context.sql(source).collect())
        else:
            context.sql(f"copy ({source}) to '/dev/shm/scan.json' stored as json").collect()
cpu, wall = time.process_time(), time.perf_counter()
work()
print(time.process_time() - cpu, time.perf_counter() - wall)
"""


def peer(kind, folder, condition):
    files = os.path.join(folder, "0", "t", "*.parquet")
    found = run_lines([sys.executable, "-c", PEER, kind, files, condition])
    cpu, wall = map(float, found[-1].split())
    return cpu, wall


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", default=os.path.join(ROOT, "target", "bench-scan"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    make(options.folder, options.rows)
    kinds = ["command", "library", "duckdb", "datafusion", "batches"]
    print(f"{'query':<34}" + "".join(f"{kind:>18}" for kind in kinds))
    for name, arguments, condition in queries(options.folder):
        found = {kind: [] for kind in kinds}
        for _ in range(options.rounds):
            found["command"].append(ours(options.folder, arguments))
            found["library"].append(library(options.folder, arguments))
            for kind in kinds[2:]:
                found[kind].append(peer(kind, options.folder, condition))
        cells = []
        for times in found.values():
            cpu, wall = (statistics.median(of) for of in zip(*times))
            cells.append(f"{cpu:9.3f} ({wall:6.3f})")
        print(f"{name:<34}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
