"""Prints the rows of a packed input, as a host would unpack them: python unpack.py FILE"""

import gzip
import sys

import zstandard

path = sys.argv[1]
with open(path, "rb") as file:
    if path.endswith(".zst"):
        frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        data = frames.read()
    else:
        data = gzip.decompress(file.read())
# A byte order mark begins a member or a file; none of these inputs holds one in its values.
sys.stdout.buffer.write(data.replace("\ufeff".encode(), b""))
