"""Pictures and paintings -> a folder with every pair of them, and a sheet to look at.

Pairs whose results have one size share a batch. What cannot be read is told and passed
over; what is there already stays, so that a run that was interrupted goes on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.config import MIN_SIDE, AlbumConfig, StyleConfig
from vidstyle.errors import ConfigError, ImageOpenError, InputError
from vidstyle.images import (
    make_folder,
    read_picture,
    resize_frame,
    write_picture,
)
from vidstyle.optimize.slots import FrameTask
from vidstyle.records import Frame, FrameReport, Listener, Notice, Plan, StrPath, ignore
from vidstyle.stylize.inputs import load_stylizer, read_told
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
from vidstyle.stylize.stylizer import Stylizer

if TYPE_CHECKING:
    from vidstyle.networks.vgg import FeatureNetwork

Size = tuple[int, int]
"""Height and width, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumResult:
    """What has become of the pairs."""

    folder: Path
    index: Path
    """The sheet."""
    painted: int
    """Pairs."""
    kept: int
    """Pairs whose results were there already."""
    failed: tuple[str, ...]
    """Why a picture or a painting was passed over, a sentence each."""


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
    there already is painted again only to ``overwrite`` it.

    Raises:
        VidstyleError: An InputError, WeightsError, OptimizationError or OutputError.
    """
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
    kept = [pair for pair in pairs if pair.output.exists() and not overwrite]
    listener(Notice(text=_summary(pairs, len(kept))))
    done = {pair.number for pair in kept}
    left = [pair for pair in pairs if pair.number not in done]
    run = _Run(config or StyleConfig(), album or AlbumConfig(), listener, len(kept))
    run.paint(left)
    if run.painted + len(kept) == 0:
        raise InputError(f"nothing could be painted: {' '.join(run.failed.values())}")
    write_picture(folder / INDEX, index_sheet(pairs))
    return AlbumResult(
        folder=folder,
        index=folder / INDEX,
        painted=run.painted,
        kept=len(kept),
        failed=tuple(run.failed.values()),
    )


class _Run:
    """The painting of pairs, size by size."""

    def __init__(
        self, config: StyleConfig, album: AlbumConfig, listener: Listener, kept: int
    ) -> None:
        self.painted = 0
        self.failed: dict[Path, str] = {}
        self._config, self._album, self._listener = config, album, listener
        self._network: FeatureNetwork | None = None
        self._kept = self._count = kept

    def paint(self, pairs: Sequence[Pair]) -> None:
        """Paint what can be read; the rest is told, and in ``failed``."""
        groups = self._by_size(pairs)
        self._count += sum(len(group) for group in groups.values())
        for height, width in [*groups][:1]:
            self._listener(
                Plan(
                    height=height,
                    width=width,
                    frames=self._count,
                    done=self._kept,
                    next_steps=self._config.steps,
                    unit="picture",
                )
            )
        for (height, width), group in groups.items():
            self._paint_group(group, height, width)

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

    def _paint_group(self, pairs: Sequence[Pair], height: int, width: int) -> None:
        """Paint pairs of one size, some beside one another."""
        painting: dict[int, tuple[Pair, Stylizer, Frame]] = {}
        tasks = self._tasks(pairs, height, width, painting)
        first = next(tasks, None)
        if first is None:
            return
        _, stylizer, _ = painting[first.frame]
        batch = stylizer.batch(min(self._album.batch, len(pairs)))
        for done in batch.run(chain([first], tasks)):
            if done.report is not None:
                self._listener(done.report)
            if done.is_finished:
                pair, stylizer, frame = painting.pop(done.task.frame)
                picture = stylizer.finished(batch.result(done.slot), frame)
                self._finish(pair, picture, done.report.step if done.report else 0)

    def _tasks(
        self,
        pairs: Sequence[Pair],
        height: int,
        width: int,
        painting: dict[int, tuple[Pair, Stylizer, Frame]],
    ) -> Iterator[FrameTask]:
        """Yield what can be read; say in ``painting`` by number what it is."""
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
            painting[pair.number] = pair, stylizer, frame
            yield stylizer.first_task(pair.number, frame)

    def _finish(self, pair: Pair, picture: Frame, steps: int) -> None:
        make_folder(pair.output.parent)
        write_picture(pair.output, picture)
        self.painted += 1
        report = FrameReport(
            frame=pair.number, steps=steps, frames_known=self._count, all_known=True
        )
        self._listener(report)


def _summary(pairs: Sequence[Pair], kept: int) -> str:
    contents = len({pair.content for pair in pairs})
    text = f"{contents} x {len(pairs) // contents} -> {len(pairs)} pictures"
    if kept:
        text += f"; {kept} are there already (--overwrite paints them again)"
    return text
