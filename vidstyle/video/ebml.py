"""Elements of Matroska, which nest: as bytes, and bytes as elements.

Source: RFC 8794 (EBML).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

VOID: Final = 0xEC
"""Element whose content is skipped."""


class Element(NamedTuple):
    """One element as it stands in a file."""

    name: int
    """Its identity, with the bits that say its length."""
    start: int
    """Of its identity, in the bytes that were read."""
    content: int
    """Where its content begins."""
    end: int
    """After its content."""


def element(name: int, content: bytes) -> bytes:
    """Return one element, its length in as few bytes as may be."""
    identity = name.to_bytes((name.bit_length() + 7) // 8, "big")
    # All bits set would mean that the length is not known.
    width = next(n for n in range(1, 9) if len(content) < (1 << 7 * n) - 1)
    length = (len(content) | 1 << 7 * width).to_bytes(width, "big")
    return identity + length + content


def void(length: int) -> bytes:
    """Return an element without meaning, of at least two bytes in all."""
    if length < 9:
        return element(VOID, bytes(length - 2))
    return b"\xec" + (length - 9 | 1 << 56).to_bytes(8, "big") + bytes(length - 9)


def number(value: int) -> bytes:
    """Return an element's content that is a number, in eight bytes."""
    return value.to_bytes(8, "big")


def elements(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Element]:
    """Find the elements that follow one another.

    Args:
        data: All bytes, or as many as were read: the last one may end after them.
        start: Of the first.
        end: Of the last; None: of the data.

    Yields:
        Them, without those inside of them. One of unknown length is the last, and
        ends where the data does.
    """
    end = len(data) if end is None else end
    while start < end:
        width = _width(data, start)
        name = int.from_bytes(data[start : start + width], "big")
        place = start + width
        width = _width(data, place)
        content = place + width
        length = int.from_bytes(data[place:content], "big") & (1 << 7 * width) - 1
        is_known = length != (1 << 7 * width) - 1
        found = Element(name, start, content, content + length if is_known else end)
        yield found
        start = found.end


def children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Find the elements that follow one another: their names and contents."""
    for each in elements(data):
        yield each.name, data[each.content : each.end]


def _width(data: bytes, place: int) -> int:
    """Return how many bytes a number has, as its first one says."""
    if place >= len(data) or data[place] == 0:
        raise ValueError(f"there is no element of Matroska at byte {place}")
    return 9 - data[place].bit_length()
