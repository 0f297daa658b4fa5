"""What files of `tests/tests/interop.rs` say of themselves: python check.py FOLDER

FOLDER/manifest.json names each file, its source rows, and what our own inspector says of it.
"""

import json
import sys
from pathlib import Path

import footer
from read import read_source


def main(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    passed = failed = 0
    for case in manifest["cases"]:
        path = folder / case["file"]
        source = read_source(folder / case["rows"])
        for name, check in footer.CHECKS:
            try:
                wrong = check(path, case, source)
            except Exception as error:  # one file that cannot be read is a finding, not the end
                wrong = [f"{type(error).__name__}: {error}"]
            passed += not wrong
            failed += bool(wrong)
            if wrong:
                print(f"FAILED {case['file']} {name}: {len(wrong)} differences")
            for line in wrong[:5]:
                print(f"       {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
