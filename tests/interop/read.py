"""Reads the files of `tests/tests/interop.rs` with engines: python read.py FOLDER MODULE

FOLDER/manifest.json names each file, its source rows and its schema. MODULE has the engines. What
each engine made of each file goes to FOLDER/answers-MODULE-VERSION.json.
"""

import importlib
import json
import re
import sys
from pathlib import Path

import rows


def main(folder, module):
    engines = importlib.import_module(module)
    manifest = json.loads((folder / "manifest.json").read_text())
    sources = {}
    for engine in engines.ENGINES:
        answers = {}
        for case in manifest["cases"]:
            if engine["name"] not in case.get("engines", [engine["name"]]):
                continue
            if case["rows"] not in sources:
                sources[case["rows"]] = read_source(folder / case["rows"])
            try:
                answers[case["file"]] = ask(engine, folder, case, sources[case["rows"]])
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # a refusal is an answer, also where it is a panic
                answers[case["file"]] = {"refuses": told(engines, error, folder, case["file"])}
        answer = {key: engine[key] for key in ("name", "version", "how")} | {"answers": answers}
        name = f"answers-{engine['name'].replace(' ', '-')}.json"
        (folder / name).write_text(json.dumps(answer))


def read_source(path):
    lines = path.read_text().splitlines()
    return [(line["id"], line["document"]) for line in map(rows.read_json, lines)]


def ask(engine, folder, case, source):
    """What came of one file: the types where the values are right, else what is wrong."""
    more = [folder / name for name in case.get("more", [])]
    arguments = {"more": more} if more else {}
    table = engine["read"](folder / case["file"], case["schema"], **arguments)
    if not engine["ordered"]:
        table = rows.in_order_of(source, table)
    try:
        found = rows.differences(source, case["schema"], table)
    except ValueError as error:  # such as JSON text that is none any more
        return {"wrong": [cut(str(error))]}
    if found.wrong:
        return {"wrong": [cut(line) for line in found.wrong[:5]]}
    types = dict(zip(table.names, table.types))
    return {"types": types, "losses": sorted(found.losses)}


def told(engines, error, folder, file):
    """An error in one line, without what differs from run to run."""
    cause = getattr(engines, "cause_of", lambda _: None)(error)
    text = cause or str(error) or type(error).__name__
    text = text.replace(f"{folder}/", "").replace(file, "…").strip()
    # Without the lines of a drawn table.
    line = " ".join(re.sub("[\u2500-\u257f]", " ", text).split())
    line = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "…", line)
    return cut(line)


def cut(line):
    return line if len(line) <= 160 else line[:160] + "…"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
