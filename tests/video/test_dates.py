from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from vidstyle.errors import VideoOpenError
from vidstyle.video.dates import set_date
from vidstyle.video.ffmpeg import describe, run_ffmpeg

MakeClip = Callable[..., Path]

PICTURE = ("-f", "lavfi", "-i", "testsrc=size=32x32:rate=10:duration=1")
TONE = ("-f", "lavfi", "-i", "sine=duration=1", "-pix_fmt", "yuv420p")
SUMMER = datetime(2019, 7, 24, 11, 25, 57, tzinfo=timezone(timedelta(hours=3)))


def packets(path: Path) -> bytes:
    return run_ffmpeg(
        ["-i", str(path), "-map", "0", "-c", "copy", "-f", "framemd5", "-"],
        error=VideoOpenError,
        failed="test",
    )


@pytest.mark.parametrize("more", [(), ("-movflags", "+faststart")])
@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_date_is_that_of_the_file_and_of_its_tracks(
    name: str, more: tuple[str, ...], make_clip: MakeClip
) -> None:
    path = make_clip(name, *PICTURE, *TONE, *more)
    before, length = packets(path), path.stat().st_size
    assert "creation_time" not in describe(path)
    set_date(path, SUMMER)
    assert describe(path).count("creation_time   : 2019-07-24T08:25:57.000000Z") == 3
    assert packets(path) == before
    assert path.stat().st_size == length


@pytest.mark.parametrize("year", [1903, 2050])
def test_date_that_has_no_room_is_passed_over(year: int, make_clip: MakeClip) -> None:
    path = make_clip("a.mp4", *PICTURE)
    before = path.read_bytes()
    set_date(path, datetime(year, 1, 1, tzinfo=UTC))
    assert path.read_bytes() == before


def test_date_that_is_there_stays(make_clip: MakeClip) -> None:
    dated = ("-metadata", "creation_time=2001-02-03T04:05:06Z")
    path = make_clip("a.mp4", *PICTURE, *dated)
    before = path.read_bytes()
    set_date(path, SUMMER)
    assert path.read_bytes() == before


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    for content in (b"", b"not a video at all", bytes(100)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"lacks|there is no"):
            set_date(path, SUMMER)
        assert path.read_bytes() == content
