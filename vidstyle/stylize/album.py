"""Pictures and paintings -> a folder with every pair of them, and a sheet to look at.

Pairs whose results have one size share a batch. What cannot be read is told and passed
over; what is there already stays, so that a run that was interrupted goes on.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vidstyle.config import MIN_SIDE, AlbumConfig, StyleConfig
from vidstyle.errors import ConfigError, ImageOpenError, InputError, OutputError
from vidstyle.images import make_folder, read_picture, resize_frame, write_picture
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Frame, FrameReport, Listener, Notice, Plan, StrPath, ignore
from vidstyle.stylize.image import (
    Still,
    paint_stills,
    read_paintings,
    read_told,
    with_alpha_of,
)
from vidstyle.stylize.style_bank import painting_size, working_frame
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.folder import list_pictures
from vidstyle.video.sheet import captioned, contact_sheet, thumbnail

Size = tuple[int, int]  # height and width, in pixels
INDEX = "index.png"  # name of the sheet in the folder of the results
CELL_SIDES = 96, 256  # least and most pixels of the side of a picture on the sheet
SHEET_WIDTH = 3000  # pixels that the sheet should not be wider than


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A picture or a clip after one painting, or after several that are mixed."""

    number: int  # among all pairs, from 0
    content: Path
    styles: tuple[Path, ...]
    output: Path

    @property
    def style_name(self) -> str:
        return "+".join(path.stem for path in self.styles)


def pictures_in(path: Path) -> list[Path]:
    """List the pictures of a folder by their names, or raise InputError; or a file."""
    if not path.is_dir():
        return [path]
    try:
        found = [one for one in list_pictures(path) if one.is_file()]
    except OSError as err:
        raise InputError(f"cannot read the folder {path}: {err.strerror}.") from err
    if not found:
        raise InputError(f"there is no picture in the folder {path}.")
    return found


def make_pairs(
    contents: Sequence[Path], styles: Sequence[tuple[Path, ...]], folder: Path
) -> list[Pair]:
    """Combine every picture with every painting; those of one tuple are mixed.

    Results are called ``PICTURE.PAINTING.png``, with their endings where names would be
    alike without.
    """
    rows, columns = _names([(path,) for path in contents]), _names(styles)
    return [
        Pair(
            number=down * len(styles) + across,
            content=content,
            styles=style,
            output=folder / f"{rows[down]}.{columns[across]}.png",
        )
        for down, content in enumerate(contents)
        for across, style in enumerate(styles)
    ]


def alternatives(style: Path | tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """Turn a folder into its paintings, each alone; leave a mix as it is."""
    if isinstance(style, tuple):
        yield style
    else:
        yield from ((path,) for path in pictures_in(style))


def check_pairs(
    pairs: Sequence[Pair],
    contents: Sequence[Path],
    styles: Sequence[Path | tuple[Path, ...]],
    folder: Path,
) -> None:
    """Check, before the work, that results have a place and are no inputs, or raise."""
    inputs = [*contents, *(one for one in styles if isinstance(one, Path))]
    if any(one.is_dir() and one.resolve() == folder.resolve() for one in inputs):
        raise ConfigError(f"{folder} holds inputs; choose another --output.")
    for name, times in Counter(pair.output.name for pair in pairs).items():
        if times > 1:
            raise ConfigError(f"two results would be named {name}; rename an input.")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; several results need a folder.")
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist.")
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        raise OutputError(f"the folder {folder} is not writable.")


def _names(files: Sequence[tuple[Path, ...]]) -> list[str]:
    """Name files without their endings, or with them where those tell them apart."""
    stems, names = (
        ["+".join(getattr(path, part) for path in paths) for paths in files]
        for part in ("stem", "name")
    )
    return stems if len(set(stems)) == len(set(names)) else names


def index_sheet(pairs: Sequence[Pair]) -> Frame:
    """Lay out the results that there are, below and beside what they were made of.

    Pairs are every picture with every painting, picture by picture.
    """
    contents = list(dict.fromkeys(pair.content for pair in pairs))
    styles = {pair.styles: pair.style_name for pair in pairs}
    least, most = CELL_SIDES
    side = max(least, min(most, SHEET_WIDTH // (len(styles) + 1)))
    cells: list[list[tuple[Frame | None, str]]] = [
        [(None, ""), *((thumbnail(one[0], side), styles[one]) for one in styles)]
    ]
    results = iter(pairs)
    for content in contents:
        made = [thumbnail(next(results).output, side) for _ in styles]
        texts = ["-" if shown is None else "" for shown in made]
        first = thumbnail(content, side), content.stem
        cells.append([first, *zip(made, texts, strict=True)])
    there = [shown for row in cells for shown, _ in row if shown is not None]
    size = {"height": max(shown.shape[0] for shown in there), "width": side}
    return contact_sheet([[captioned(*cell, **size) for cell in row] for row in cells])


@dataclass(frozen=True, slots=True)
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
    keep_alpha: bool = False,
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
    summary = f"{rows} x {len(pairs) // rows} -> {len(pairs)} pictures"
    if kept:
        summary += f"; {kept} already exist (--overwrite paints them again)"
    listener(Notice(text=summary))
    run = _Run(config, album, listener, keep_alpha)
    painted = run.paint(left, kept)
    if painted + kept == 0:
        raise InputError(
            f"no picture could be painted: {' '.join(run.failed.values())}"
        )
    write_picture(folder / INDEX, index_sheet(pairs))
    failed = tuple(run.failed.values())
    return AlbumResult(folder, folder / INDEX, painted, kept, failed)


@dataclass(slots=True)
class _Run:
    """The painting of pairs; what cannot be read is told, and in ``failed``."""

    config: StyleConfig
    album: AlbumConfig
    listener: Listener
    keep_alpha: bool
    failed: dict[Path, str] = field(default_factory=dict)
    network: FeatureNetwork | None = None

    def paint(self, pairs: Sequence[Pair], kept: int) -> int:
        """Paint what can be read, size by size, and count what is written."""
        groups, known = self._by_size(pairs), {pair.number: pair for pair in pairs}
        painted, total = 0, kept + sum(map(len, groups.values()))
        for height, width in [*groups][:1]:
            plan = Plan(
                height=height,
                width=width,
                frames=total,
                done=kept,
                next_steps=self.config.first_steps,
                unit="picture",
            )
            self.listener(plan)
        for size, group in groups.items():
            stills = self._stills(group, *size)
            slots = min(self.album.batch, len(group))
            for still, picture, steps in paint_stills(stills, slots, self.listener):
                pair = known[still.number]
                make_folder(pair.output.parent)
                alpha = self.keep_alpha
                made = with_alpha_of(pair.content, picture) if alpha else picture
                write_picture(pair.output, made)
                report = FrameReport(frame=pair.number, steps=steps, frames_known=total)
                self.listener(report)
                painted += 1
        return painted

    def _by_size(self, pairs: Sequence[Pair]) -> dict[Size, list[Pair]]:
        """Read every file once; group the pairs that there are by the results' size."""
        sizes: dict[Path, Size] = {}
        for content in dict.fromkeys(pair.content for pair in pairs):
            with self._passed_over(content):
                frame = working_frame(read_picture(content), self.config)
                sizes[content] = frame.shape[0], frame.shape[1]
        least = min((max(size) for size in sizes.values()), default=MIN_SIDE)
        for style in dict.fromkeys(one for pair in pairs for one in pair.styles):
            with self._passed_over(style):
                painting_size(read_picture(style), self.config, least)
        groups: dict[Size, list[Pair]] = {}
        for pair in pairs:
            if not self.failed.keys() & {pair.content, *pair.styles}:
                groups.setdefault(sizes[pair.content], []).append(pair)
        return groups

    @contextmanager
    def _passed_over(self, path: Path) -> Iterator[None]:
        """Go on without a file that cannot be used, and tell why."""
        try:
            yield
        except (ImageOpenError, ConfigError) as err:
            reason = f"{path}: {err}" if isinstance(err, ConfigError) else str(err)
            self.failed[path] = reason
            self.listener(Notice(text=f"skipped: {reason}", is_warning=True))

    def _stills(
        self, pairs: Sequence[Pair], height: int, width: int
    ) -> Iterator[Still]:
        """Read the pictures of one size when their turn comes."""

        @cache
        def stylizer_for(styles: tuple[Path, ...]) -> Stylizer:
            return read_paintings(
                styles,
                self.config,
                height=height,
                width=width,
                listener=self.listener,
            ).load(self.listener, self.network)

        for pair in pairs:
            with self._passed_over(pair.content):
                source = read_told(
                    pair.content,
                    self.listener,
                    self.album.background,
                    keep_alpha=self.keep_alpha,
                )
            if pair.content in self.failed:  # gone since it was read first
                continue
            stylizer = stylizer_for(pair.styles)
            self.network = stylizer.network
            frame = resize_frame(source, height=height, width=width)
            yield Still(pair.number, stylizer, frame)
