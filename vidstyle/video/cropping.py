"""A file and the size that it is shown in -> the file says so; no picture is changed.

H.264 and H.265 with one color for four pixels hold even sides only, so an odd one is
stored with a row or column more. ffmpeg's writers say how much of a picture is shown
only of streams that they copy, so what is missing is put into the finished file: the
clean aperture of an .mp4 or .mov, the cropping of an .mkv.

Source: ISO/IEC 14496-12, 8.3.2 (tkhd) and 12.1.4 (clap); RFC 9559,
5.1.4.1.28.8 and following (PixelCrop).
"""

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

from vidstyle.video.boxes import Edits, box, boxes, edited, rewrite
from vidstyle.video.ebml import VOID, Element, children, element, elements, void

_BEFORE_ENTRIES: Final = 8
_MOST_HEAD: Final = 1 << 24
"""Bytes in which an .mkv has said what its tracks are."""
_SEGMENT, _SEEK_HEAD, _TRACKS = 0x18538067, 0x114D9B74, 0x1654AE6B
_SEEK, _SEEK_POSITION = 0x4DBB, 0x53AC
_TRACK, _TRACK_TYPE, _PICTURE = 0xAE, 0x83, 0xE0
_WIDTH, _HEIGHT, _CROP_BOTTOM, _CROP_RIGHT = 0xB0, 0xBA, 0x54AA, 0x54DD
_DISPLAYED: Final = {0x54B0, 0x54BA, 0x54B2}
"""How large it is shown, and in what unit; unsaid: as what cropping leaves."""
_CHECKSUM: Final = 0xBF


def show_part(path: Path, container: str, *, height: int, width: int) -> None:
    """Say in a file that only the upper left part of its picture is shown.

    The file is changed where it is, so it should have a partial name.

    Args:
        path: A file that ffmpeg wrote, with square pixels.
        container: As ffmpeg names it: mp4, mov, matroska or webm.
        height: Of the part, at most the stored one.
        width: Likewise.

    Raises:
        OSError: If the file cannot be changed.
        ValueError: If it is not built as ffmpeg builds them.
    """
    is_matroska = container in {"matroska", "webm"}
    show = _show_part_of_matroska if is_matroska else _show_part_of_mp4
    try:
        with path.open("r+b") as file:
            show(file, height, width)
    except (KeyError, StopIteration, struct.error) as err:
        raise ValueError("the file lacks something that ffmpeg writes") from err


def _show_part_of_mp4(file: BinaryIO, height: int, width: int) -> None:
    """Put a clean aperture into the description of the first track of pictures."""
    rewrite(file, lambda moov: _with_aperture(moov, height, width))


def _with_aperture(moov: bytes, height: int, width: int) -> bytes:
    """Return a file's description, with what is shown of its first pictures."""
    size = struct.pack(">II", width << 16, height << 16)
    edits: Edits = {
        # The size in which the track is presented: otherwise the part would be
        # enlarged to the stored one.
        b"tkhd": lambda content: content[: -len(size)] + size,
        b"stsd": lambda content: _with_clap(content, height, width),
    }
    parts, is_done = [], False
    for name, content in boxes(moov):
        is_it = name == b"trak" and b"vmhd" in content and not is_done
        is_done |= is_it
        parts.append(edited(name, content, edits if is_it else {}))
    if not is_done:
        raise ValueError("there is no track of pictures")
    return b"".join(parts)


def _with_clap(entries: bytes, height: int, width: int) -> bytes:
    """Return descriptions of samples, the first with a clean aperture."""
    (name, entry), *others = boxes(entries[_BEFORE_ENTRIES:])
    stored_width, stored_height = struct.unpack_from(">HH", entry, 24)
    # Where its center is from that of the stored picture; ffmpeg takes lowest terms.
    across = Fraction(width - stored_width, 2).as_integer_ratio()
    down = Fraction(height - stored_height, 2).as_integer_ratio()
    clap = struct.pack(">IIIIiIiI", width, 1, height, 1, *across, *down)
    pasp = b"" if b"pasp" in entry else box(b"pasp", struct.pack(">II", 1, 1))
    new = box(name, entry + pasp + box(b"clap", clap))
    return entries[:_BEFORE_ENTRIES] + new + b"".join(box(*each) for each in others)


def _show_part_of_matroska(file: BinaryIO, height: int, width: int) -> None:
    """Put the cropping into the first track of pictures.

    Where that takes more bytes, they come from the room that ffmpeg leaves behind the
    list of where things are: what lies between moves into it. The rest stays.
    """
    head = file.read(_MOST_HEAD)
    segment = next(each for each in elements(head) if each.name == _SEGMENT)
    seek_head, room, tracks = _landmarks(head, segment)
    new = _with_cropping(head[tracks.content : tracks.end], height, width)
    new_tracks = element(_TRACKS, new)
    spare = tracks.end - tracks.start - len(new_tracks)
    if spare > 0:
        new_tracks += void(max(2, spare))
    growth = len(new_tracks) - (tracks.end - tracks.start)
    left = room.end - room.start - growth
    if left < 2:
        raise ValueError("there is no room for the cropping")
    seeks = _with_moved_seeks(
        head[seek_head.content : seek_head.end],
        range(room.end - segment.content, tracks.end - segment.content),
        -growth,
    )
    between = head[seek_head.end : room.start], head[room.end : tracks.start]
    file.seek(seek_head.content)
    file.write(seeks + between[0] + void(left) + between[1] + new_tracks)


def _landmarks(head: bytes, segment: Element) -> tuple[Element, Element, Element]:
    """Find the list of places, the room behind it, and the tracks."""
    found: dict[int, Element] = {}
    for each in elements(head, segment.content):
        found.setdefault(each.name, each)
        if each.name == _TRACKS:
            break
    missing = {_SEEK_HEAD, VOID, _TRACKS} - set(found)
    if missing or found[_TRACKS].end > len(head):
        raise ValueError("its tracks are not where they should be")
    return found[_SEEK_HEAD], found[VOID], found[_TRACKS]


def _with_cropping(tracks: bytes, height: int, width: int) -> bytes:
    """Return the tracks, the first of pictures with its cropping."""
    parts = list(children(tracks))
    place = next(i for i, (name, of) in enumerate(parts) if _is_of_pictures(name, of))
    track = [
        (name, _cropped(content, height, width) if name == _PICTURE else content)
        for name, content in children(parts[place][1])
    ]
    parts[place] = _TRACK, b"".join(element(*part) for part in track)
    return _checked(parts)


def _is_of_pictures(name: int, content: bytes) -> bool:
    """Whether an element is a track of moving pictures."""
    return name == _TRACK and any(
        part == _TRACK_TYPE and int.from_bytes(kind, "big") == 1
        for part, kind in children(content)
    )


def _cropped(picture: bytes, height: int, width: int) -> bytes:
    """Return the description of a track's pictures with their cropping."""
    parts = [part for part in children(picture) if part[0] not in _DISPLAYED]
    stored = {name: int.from_bytes(content, "big") for name, content in parts}
    parts.append((_CROP_BOTTOM, bytes([stored[_HEIGHT] - height])))
    parts.append((_CROP_RIGHT, bytes([stored[_WIDTH] - width])))
    return b"".join(element(*part) for part in parts)


def _with_moved_seeks(seek_head: bytes, moved: range, by: int) -> bytes:
    """Return the list of places, where some things have moved; it keeps its length."""
    new = bytearray(seek_head)
    seeks = [each for each in elements(seek_head) if each.name == _SEEK]
    for seek in seeks:
        for each in elements(seek_head, seek.content, seek.end):
            place = int.from_bytes(seek_head[each.content : each.end], "big")
            if each.name == _SEEK_POSITION and place in moved:
                moved_to = (place + by).to_bytes(each.end - each.content, "big")
                new[each.content : each.end] = moved_to
    first = next(elements(seek_head))
    if first.name == _CHECKSUM:
        new[first.content : first.end] = _checksum(bytes(new[first.end :]))
    return bytes(new)


def _checked(parts: list[tuple[int, bytes]]) -> bytes:
    """Put elements together; one that is their checksum is made anew."""
    rest = [part for part in parts if part[0] != _CHECKSUM]
    data = b"".join(element(*part) for part in rest)
    if len(rest) == len(parts):
        return data
    return element(_CHECKSUM, _checksum(data)) + data


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")
