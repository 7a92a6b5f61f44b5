"""An .mp4 or .mov without a date -> with one, in itself and in its tracks.

A phone's own tags are written by ffmpeg as a list of names and values, and then the
date is on that list too, besides its place in the file's description: those who read
both find it twice. So it is left out of the tags (see ``tags``), which leaves that
place empty, and is put there afterwards.

Source: ISO/IEC 14496-12, 8.2.2 (mvhd), 8.3.2 (tkhd) and 8.4.2 (mdhd).
"""

import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vidstyle.video.boxes import Edits, boxes, edited, rewrite

_EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)
_DATES: Final = slice(4, 12)
"""When it was made and changed, in the boxes of version 0, which last until 2040."""


def set_date(path: Path, date: datetime) -> None:
    """Say in a file when it was filmed, where it does not say that.

    Args:
        path: A file that ffmpeg wrote.
        date: With its zone. One that the file has no room for is passed over.

    Raises:
        OSError: If the file cannot be changed.
        ValueError: If it is not built as ffmpeg builds them.
    """
    seconds = int((date - _EPOCH).total_seconds())
    if not 0 < seconds < 1 << 32:
        return
    dates = struct.pack(">II", seconds, seconds)
    edits: Edits = dict.fromkeys(
        (b"mvhd", b"tkhd", b"mdhd"), lambda header: _with_dates(header, dates)
    )

    def change(moov: bytes) -> bytes:
        return b"".join(edited(*each, edits) for each in boxes(moov))

    try:
        with path.open("r+b") as file:
            rewrite(file, change)
    except (KeyError, struct.error) as err:
        raise ValueError("the file lacks something that ffmpeg writes") from err


def _with_dates(header: bytes, dates: bytes) -> bytes:
    """Return a header with dates, if it has none."""
    is_free = header[:1] == b"\0" and not any(header[_DATES])
    return header[:4] + dates + header[12:] if is_free else header
