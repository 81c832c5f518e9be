"""Writes torrent files."""

import hashlib

# As long as a piece of ours.
PIECE = 256 << 10


def made_of(file, tracker):
    """A torrent of one file, with a tracker or without any."""
    with open(file, "rb") as bytes_of_it:
        pieces = b"".join(hashlib.sha1(piece).digest()
                          for piece in iter(lambda: bytes_of_it.read(PIECE), b""))
    info = {"length": file.stat().st_size, "name": file.name, "piece length": PIECE,
            "pieces": pieces}
    return encoded({"announce": tracker, "info": info} if tracker else {"info": info})


def encoded(value):
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return encoded(value.encode())
        case dict():
            pairs = (encoded(key) + encoded(value[key]) for key in sorted(value))
            return b"d" + b"".join(pairs) + b"e"
