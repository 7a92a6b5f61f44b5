"""What an .mp4 or .mov says of its tracks -> the same, changed, in the file itself.

Source: ISO/IEC 14496-12, 4.2 (boxes), 8.2.1 (moov) and 8.7.5 (stco, co64).
"""

import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

Edits = dict[bytes, Callable[[bytes], bytes]]
"""What is done to the contents of boxes, by their names."""

_WAY: Final = {b"trak", b"mdia", b"minf", b"stbl"}
"""Boxes between a file's description and that of a track's samples."""
_BLOCK: Final = 1 << 20


def rewrite(file: BinaryIO, change: Callable[[bytes], bytes]) -> None:
    """Change the description of a file's tracks; what comes after it moves.

    Args:
        file: Open for reading and writing.
        change: From the content of the box ``moov`` to another, not shorter one.

    Raises:
        OSError: If the file cannot be changed.
        ValueError: If it is not built as ffmpeg builds them.
        KeyError: If it has no such description, or nothing is described.
    """
    found = {name: (start, end) for name, start, end in _outer_boxes(file)}
    start, end = found[b"moov"]
    file.seek(start + 8)
    old = file.read(end - start - 8)
    new = change(old)
    growth = len(new) - len(old)
    if start < found[b"mdat"][0]:  # the samples come after it
        edits: Edits = {
            b"stco": lambda content: _moved(content, "I", growth),
            b"co64": lambda content: _moved(content, "Q", growth),
        }
        new = b"".join(edited(*each, edits) for each in boxes(new))
    _make_room(file, end, growth)
    file.seek(start)
    file.write(box(b"moov", new))


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Find boxes that follow one another: their names and contents."""
    place = 0
    while place + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        if size < 8:
            raise ValueError(f"there is no box at byte {place}")
        yield name, data[place + 8 : place + size]
        place += size


def box(name: bytes, content: bytes) -> bytes:
    """Return one box."""
    return struct.pack(">I4s", 8 + len(content), name) + content


def edited(name: bytes, content: bytes, edits: Edits) -> bytes:
    """Return a box, with the boxes in it that are to be edited."""
    if name in edits:
        content = edits[name](content)
    elif name in _WAY:
        content = b"".join(edited(*each, edits) for each in boxes(content))
    return box(name, content)


def _outer_boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Find the boxes of a whole file: their names, starts and ends."""
    place, length = 0, file.seek(0, 2)
    while place < length:
        file.seek(place)
        size, name, large = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
        size = {0: length - place, 1: large}.get(size, size)
        if size < 8:
            raise ValueError(f"there is no box at byte {place}")
        yield name, place, place + size
        place += size


def _moved(offsets: bytes, kind: str, by: int) -> bytes:
    """Return a table of the places of samples that have moved."""
    (count,) = struct.unpack_from(">I", offsets, 4)
    form = f">{count}{kind}"
    places = [place + by for place in struct.unpack_from(form, offsets, 8)]
    try:
        return offsets[:8] + struct.pack(form, *places)
    except struct.error as err:
        raise ValueError("it is too long for its table of places") from err


def _make_room(file: BinaryIO, place: int, by: int) -> None:
    """Move the rest of a file towards its end, from behind, so that none is lost."""
    end = file.seek(0, 2)
    while by and end > place:
        begin = max(place, end - _BLOCK)
        file.seek(begin)
        block = file.read(end - begin)
        file.seek(begin + by)
        file.write(block)
        end = begin
