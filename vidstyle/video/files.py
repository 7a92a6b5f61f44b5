"""Names of files that are given and asked for, checked before the work.

Nothing here waits for torch, so that a mistake is told at once.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from vidstyle.config import EncodingConfig
from vidstyle.errors import InputError
from vidstyle.images import check_free, check_picture_path, make_folder
from vidstyle.video.codecs import CONTAINERS, codec_for
from vidstyle.video.evolution import check_evolution_name
from vidstyle.video.folder import check_folder
from vidstyle.video.mux import ending_for
from vidstyle.video.probe import probe
from vidstyle.video.write import check_writable


class Outputs(NamedTuple):
    """Where the results of a run go."""

    video: Path  # a name without an ending is a folder of pictures
    evolution: Path | None  # for a GIF or an MP4 of how a frame was learned
    sheet: Path | None
    compare: Path | None = None  # for a video of source and result side by side


def check_outputs(
    outputs: Outputs, encoding: EncodingConfig, *, overwrite: bool
) -> None:
    """Check, before the hours of work, that the results could be written.

    ConfigError: a name has the wrong ending; DependencyError: ffmpeg is not there, or
    lacks the encoder; OutputError: a folder cannot be written to, or a result is there.
    """
    if outputs.video.suffix:
        check_writable(outputs.video, encoding)
    else:
        check_folder(outputs.video)
    if outputs.evolution is not None:
        check_evolution_name(outputs.evolution)
    if outputs.sheet is not None:
        check_picture_path(outputs.sheet)
    if outputs.compare is not None:
        codec_for(outputs.compare, EncodingConfig())
    check_free(*outputs, overwrite=overwrite)


def default_output(
    clip: Path, paintings: Sequence[Path], encoding: EncodingConfig | None = None
) -> Path:
    """Name the result after its two parents: clip.painting.mp4.

    A codec has an ending of its own; a GIF stays one, and where the clip has a stream
    that no such file can hold, it is an ``.mkv``.
    """
    info, codec = probe(clip), encoding.codec if encoding else "auto"
    is_gif = codec == "auto" and clip.suffix.lower() == ".gif"
    usual = ending_for(info, "h264" if codec == "auto" else codec)
    return name_beside(clip, paintings, ".gif" if is_gif else usual)


def name_beside(clip: Path, paintings: Sequence[Path], ending: str) -> Path:
    if clip.name in {"", ".."}:  # the folder that the user is in, or the one above it
        clip = clip.resolve()
    names = "+".join(dict.fromkeys(path.stem for path in paintings))
    return clip.with_name(f"{clip.stem}.{names}{ending}")


@contextmanager
def folders_for(path: Path) -> Iterator[None]:
    """Make the folders for a result, or raise OutputError; after one, none is left."""
    missing = [each for each in path.parents if not each.exists()]
    make_folder(path.parent, parents=True)
    try:
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def check_names(paths: Sequence[Path], *, are_pictures: bool = False) -> None:
    """Explain by InputError names of no file, and clips where pictures are wanted."""
    for path in paths:
        reason = None
        if path.exists():
            is_clip = path.is_file() and path.suffix.lower() in {*CONTAINERS} - {".gif"}
            if are_pictures and is_clip:
                reason = f"{path} is a clip; paint it with vidstyle video {path}."
        elif re.match(r"\w{2,}:[\\/]", str(path)):
            reason = f"{path.name} is on the web; download it, and give the file."
        elif str(path).isdecimal():
            reason = f"{path} is a camera; record a clip first, then give the file."
        elif re.search(r"[*?]", path.name):
            reason = f"no file matches {path}."
        if reason is not None:
            raise InputError(reason)
