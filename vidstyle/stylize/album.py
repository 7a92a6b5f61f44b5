"""Pictures and paintings -> a folder with every pair of them, and a sheet to look at.

Pairs whose results have one size share a batch. What cannot be read is told and passed
over; what is there already stays, so that a run that was interrupted goes on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.config import MIN_SIDE, AlbumConfig, StyleConfig
from vidstyle.errors import ConfigError, ImageOpenError, InputError
from vidstyle.images import make_folder, read_picture, resize_frame, write_picture
from vidstyle.records import Frame, FrameReport, Listener, Notice, Plan, StrPath, ignore
from vidstyle.stylize.image import Still, load_stylizer, paint_stills, read_told
from vidstyle.stylize.pairs import (
    INDEX,
    Pair,
    alternatives,
    check_pairs,
    index_sheet,
    make_pairs,
    pictures_in,
)
from vidstyle.stylize.style_bank import painting_size, working_frame

if TYPE_CHECKING:
    from vidstyle.networks.vgg import FeatureNetwork
    from vidstyle.stylize.stylizer import Stylizer

Size = tuple[int, int]  # height and width, in pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumResult:
    """What has become of the pairs; those that are kept were there already."""

    folder: Path
    index: Path
    painted: int
    kept: int
    failed: tuple[str, ...]  # why each was passed over, in a sentence


def stylize_album(
    contents: Sequence[StrPath],
    styles: Sequence[StrPath | Sequence[StrPath]],
    folder: StrPath,
    *,
    config: StyleConfig | None = None,
    album: AlbumConfig | None = None,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> AlbumResult:
    """Paint every picture after every painting, and lay them out on a sheet.

    Contents and styles are files, and folders of them; styles named together are mixed.
    Results and sheet go into ``folder``, which is made if it is not there; what is
    there already is painted again only to ``overwrite`` it. Raises a VidstyleError.
    """
    config, album = config or StyleConfig(), album or AlbumConfig()
    folder, given = Path(folder), [Path(path) for path in contents]
    named = [
        Path(one) if isinstance(one, str | os.PathLike) else tuple(map(Path, one))
        for one in styles
    ]
    pairs = make_pairs(
        [file for path in given for file in pictures_in(path)],
        [one for style in named for one in alternatives(style)],
        folder,
    )
    check_pairs(pairs, given, named, folder)
    left = [pair for pair in pairs if overwrite or not pair.output.exists()]
    kept = len(pairs) - len(left)
    rows = len({pair.content for pair in pairs})
    there = (
        f"; {kept} are there already (--overwrite paints them again)" if kept else ""
    )
    summary = f"{rows} x {len(pairs) // rows} -> {len(pairs)} pictures{there}"
    listener(Notice(text=summary))
    run = _Run(config, listener)
    painted = sum(1 for _ in run.paint(left, album.batch, kept))
    if painted + kept == 0:
        raise InputError(f"nothing could be painted: {' '.join(run.failed.values())}")
    write_picture(folder / INDEX, index_sheet(pairs))
    return AlbumResult(
        folder=folder,
        index=folder / INDEX,
        painted=painted,
        kept=kept,
        failed=tuple(run.failed.values()),
    )


class _Run:
    """The painting of pairs; what cannot be read is told, and in ``failed``."""

    def __init__(self, config: StyleConfig, listener: Listener) -> None:
        self.failed: dict[Path, str] = {}
        self._config, self._listener = config, listener
        self._network: FeatureNetwork | None = None

    def paint(self, pairs: Sequence[Pair], batch: int, kept: int) -> Iterator[Pair]:
        """Paint what can be read, size by size, and yield what is written."""
        groups, known = self._by_size(pairs), {pair.number: pair for pair in pairs}
        total = kept + sum(map(len, groups.values()))
        for height, width in [*groups][:1]:
            plan = Plan(
                height=height,
                width=width,
                frames=total,
                done=kept,
                next_steps=self._config.first_steps,
                unit="picture",
            )
            self._listener(plan)
        for size, group in groups.items():
            stills = self._stills(group, *size)
            slots = min(batch, len(group))
            for still, picture, steps in paint_stills(stills, slots, self._listener):
                pair = known[still.number]
                make_folder(pair.output.parent)
                write_picture(pair.output, picture)
                report = FrameReport(frame=pair.number, steps=steps, frames_known=total)
                self._listener(report)
                yield pair

    def _by_size(self, pairs: Sequence[Pair]) -> dict[Size, list[Pair]]:
        """Read every file once; group the pairs that there are by the results' size."""
        sizes: dict[Path, Size] = {}

        def result_size(frame: Frame) -> Size:
            height, width, _ = working_frame(frame, self._config).shape
            return height, width

        for content in dict.fromkeys(pair.content for pair in pairs):
            if (size := self._size(content, result_size)) is not None:
                sizes[content] = size
        least = min((max(size) for size in sizes.values()), default=MIN_SIDE)
        measure = partial(painting_size, config=self._config, long_side=least)
        for style in dict.fromkeys(one for pair in pairs for one in pair.styles):
            self._size(style, measure)
        groups: dict[Size, list[Pair]] = {}
        for pair in pairs:
            if not self.failed.keys() & {pair.content, *pair.styles}:
                groups.setdefault(sizes[pair.content], []).append(pair)
        return groups

    def _size(self, path: Path, measure: Callable[[Frame], Size]) -> Size | None:
        """Measure in which size a file is taken. None: it is passed over."""
        try:
            return measure(read_picture(path))
        except ImageOpenError as err:
            self._pass_over(path, str(err))
        except ConfigError as err:
            self._pass_over(path, f"{path}: {err}")
        return None

    def _pass_over(self, path: Path, reason: str) -> None:
        self.failed[path] = reason
        self._listener(Notice(text=f"passed over: {reason}", is_warning=True))

    def _stills(
        self, pairs: Sequence[Pair], height: int, width: int
    ) -> Iterator[Still]:
        """Read the pictures of one size when their turn comes."""
        stylizers: dict[tuple[Path, ...], Stylizer] = {}
        for pair in pairs:
            try:
                source = read_told(pair.content, self._listener)
            except ImageOpenError as err:  # gone since it was read first
                self._pass_over(pair.content, str(err))
                continue
            if pair.styles not in stylizers:
                stylizers[pair.styles] = load_stylizer(
                    pair.styles,
                    self._config,
                    height=height,
                    width=width,
                    listener=self._listener,
                    network=self._network,
                )
            stylizer = stylizers[pair.styles]
            self._network = stylizer.network
            frame = resize_frame(source, height=height, width=width)
            yield Still(pair.number, stylizer, frame)
