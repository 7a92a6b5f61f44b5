"""Which titles, dates, languages and other tags of a source go into a result.

Arguments for ffmpeg, by the tags that it names when it describes the source. Where the
source was taken is private and stays behind, unless it is asked for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vidstyle.config import EncodingConfig

_TAG: Final = re.compile(r"^ +([^\s:][^:\n]*?) *: ", re.MULTILINE)
_PRIVATE: Final = re.compile(r"location|gps|xmp", re.IGNORECASE)
_STALE: Final = re.compile(
    r"(encoder|duration|bps|number_of_\w+|_statistics_\w+|rotate|source_id)(-\w+)?",
    re.IGNORECASE,
)
"""Tags of a picture that were true of the source's only."""
_BRANDS: Final = ("major_brand", "minor_version", "compatible_brands")
"""Facts of the source's file that ffmpeg takes for metadata."""
_APPLE: Final = re.compile(r"^ +com\.", re.MULTILINE)
"""Tags that a phone writes, and that an .mp4 holds only when told to hold any."""
_DATE: Final = re.compile(r"^ +creation_time *: ([^;\s]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a result, and where it comes from."""

    kind: str
    """As ffmpeg's stream specifiers have it: v, a, s, d or t."""
    place: int
    """Among the result's of its kind."""
    index: int
    """Among the source's."""


def metadata(
    said: str,
    outputs: Sequence[Stream],
    container: str,
    config: EncodingConfig,
) -> list[str]:
    """Return the arguments for chapters, titles, languages, dates and all other tags.

    Args:
        said: What ffmpeg says of the source.
        outputs: The result's streams.
        container: Of the result.
        config: Says which.
    """
    from_file = "-1" if config.strip_metadata else "1"
    arguments = ["-map_chapters", "1", "-map_metadata", from_file]
    for stream in outputs:
        if stream.kind == "t" or not config.strip_metadata:  # a font's name is in them
            source = f"1:s:{stream.kind}:{stream.index}"
            arguments += [f"-map_metadata:s:{stream.kind}:{stream.place}", source]
    if config.strip_metadata:
        return arguments
    for name in sorted({*_BRANDS, *_TAG.findall(said)}):
        arguments += _without(name, keep_location=config.keep_location)
    if container in {"mp4", "mov"} and _APPLE.search(said):
        arguments += ["-movflags", "+faststart+use_metadata_tags"]
        # With these ffmpeg writes the date twice, and would read both as one.
        if date := _DATE.search(said):
            arguments += ["-metadata", f"creation_time={date[1]}"]
    return arguments


def _without(name: str, *, keep_location: bool) -> list[str]:
    """Return the arguments that leave a tag out, if it has to stay behind."""
    if _STALE.fullmatch(name):
        return ["-metadata:s:v:0", f"{name}="]
    if name in _BRANDS:
        return ["-metadata", f"{name}="]
    if not _PRIVATE.search(name) or keep_location:
        return []
    everywhere = ("-metadata", "-metadata:s")
    return [
        argument
        for each in (name, f"{name}-eng")
        for scope in everywhere
        for argument in (scope, f"{each}=")
    ]
