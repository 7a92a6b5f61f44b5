import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vidstyle.records import VideoInfo
from vidstyle.video import prepass
from vidstyle.video.ffmpeg import stream_ffmpeg
from vidstyle.video.prepass import decode_errors, normalized
from vidstyle.video.probe import probe

GIF = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")


@pytest.fixture
def clip(make_clip: Callable[..., Path]) -> VideoInfo:
    return probe(make_clip("clip.gif", *GIF))


def test_nut_flows_and_its_end_is_good(clip: VideoInfo) -> None:
    with normalized(clip) as stream:
        beginning = os.read(stream.descriptor, 25)
        while os.read(stream.descriptor, 1 << 16):
            pass
        ended = stream.finish()
    assert beginning == b"nut/multimedia container\0"
    assert (ended.is_good, ended.reason) == (True, "")
    assert decode_errors(ended.said) == 0


def test_errors_are_counted() -> None:
    line = (
        "Input stream #0:0 (video): 40 packets read; 31 frames decoded; 9 decode errors"
    )
    assert decode_errors(f"[verbose] {line}; \n") == 9
    assert decode_errors("nothing of the kind") == 0


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        ("progressive", False),
        ("unknown", False),
        ("interlaced", True),
        ("mixed", True),
        ("separate", False),
    ],
)
def test_deinterlacer_stands_where_it_may_be_needed(
    fields: str,
    waits: bool,
    clip: VideoInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def stream(arguments: list[str]) -> object:
        asked.extend(arguments)
        return stream_ffmpeg(arguments)

    monkeypatch.setattr(prepass, "stream_ffmpeg", stream)
    with normalized(replace(clip, fields=fields)):
        pass
    assert ("bwdif" in " ".join(asked)) == waits
    assert ("-reinit_filter" in asked) == waits
