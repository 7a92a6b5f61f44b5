"""Albums: every picture stylized after every painting, and a contact sheet of them.

Pairs with results of the same size share a batch. Unreadable files are reported and
skipped; existing results are kept, so that an interrupted run can be resumed.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vidstyle.config import MIN_SIDE, AlbumConfig, StyleConfig
from vidstyle.errors import (
    ConfigError,
    ImageOpenError,
    InputError,
    OutputError,
    counted,
)
from vidstyle.images import make_folder, read_picture, resize_frame, write_picture
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.records import Frame, FrameReport, Listener, Notice, Plan, StrPath, ignore
from vidstyle.stylize import Stylizer
from vidstyle.stylize.image import (
    Still,
    paint_stills,
    read_flattened,
    read_paintings,
    with_alpha_of,
)
from vidstyle.stylize.style_bank import painting_size, working_frame
from vidstyle.video.figures import captioned, contact_sheet, thumbnail
from vidstyle.video.folder import list_pictures

Size = tuple[int, int]  # height and width, in pixels
INDEX = "index.png"  # the contact sheet in the results' folder
CELL_SIDES = 96, 256  # smallest and largest side of its cells, in pixels
SHEET_WIDTH = 3000  # largest width of the sheet, in pixels, if the cells allow it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A picture or a clip, and the painting, or the mix of several, that it gets."""

    number: int  # 0-based
    content: Path
    styles: tuple[Path, ...]
    output: Path

    @property
    def style_name(self) -> str:
        return "+".join(path.stem for path in self.styles)


def pictures_in(path: Path) -> list[Path]:
    """List a folder's pictures by name, or raise InputError; or one file."""
    if not path.is_dir():
        return [path]
    try:
        found = [picture for picture in list_pictures(path) if picture.is_file()]
    except OSError as err:
        raise InputError(f"cannot read the folder {path}: {err.strerror}.") from err
    if not found:
        raise InputError(f"there is no picture in the folder {path}.")
    return found


def make_pairs(
    contents: Sequence[Path], styles: Sequence[tuple[Path, ...]], folder: Path
) -> list[Pair]:
    """Combine every picture with every style; the paintings of a tuple are mixed.

    Results are named ``PICTURE.PAINTING.png``, with suffixes if stems are ambiguous.
    """
    rows, columns = _names([(path,) for path in contents]), _names(styles)
    pairs = list[Pair]()
    for content, row in zip(contents, rows, strict=True):
        for style, column in zip(styles, columns, strict=True):
            output = folder / f"{row}.{column}.png"
            pair = Pair(number=len(pairs), content=content, styles=style, output=output)
            pairs.append(pair)
    return pairs


def alternatives(style: Path | tuple[Path, ...]) -> list[tuple[Path, ...]]:
    """Expand a folder into its paintings; leave a file or a mix as it is."""
    if isinstance(style, tuple):
        return [style]
    return [(picture,) for picture in pictures_in(style)]


def check_pairs(
    pairs: Sequence[Pair],
    contents: Sequence[Path],
    styles: Sequence[Path | tuple[Path, ...]],
    folder: Path,
) -> None:
    """Raise an error if results cannot be written, collide, or mix with the inputs."""
    inputs = [*contents, *(style for style in styles if isinstance(style, Path))]
    if any(path.is_dir() and path.resolve() == folder.resolve() for path in inputs):
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
    """Name groups of files by their stems, or with suffixes if those are ambiguous."""
    stems = ["+".join(path.stem for path in paths) for paths in files]
    names = ["+".join(path.name for path in paths) for paths in files]
    return stems if len(set(stems)) == len(set(names)) else names


def index_sheet(pairs: Sequence[Pair]) -> Frame:
    """Make a contact sheet with a row per picture and a column per style.

    Pairs are every picture with every style, picture by picture.
    """
    contents = dict.fromkeys(pair.content for pair in pairs)
    styles = {pair.styles: pair.style_name for pair in pairs}
    least, most = CELL_SIDES
    side = max(least, min(most, SHEET_WIDTH // (len(styles) + 1)))
    top: list[tuple[Frame | None, str]] = [(None, "")]
    top += [(thumbnail(paths[0], side), name) for paths, name in styles.items()]
    rows = [top]
    pairs_left = iter(pairs)
    for content in contents:
        row = [(thumbnail(content, side), content.stem)]
        for _ in styles:
            result = thumbnail(next(pairs_left).output, side)
            row.append((result, "-" if result is None else ""))
        rows.append(row)
    heights = [image.shape[0] for row in rows for image, _ in row if image is not None]
    size = {"height": max(heights), "width": side}
    return contact_sheet([[captioned(*cell, **size) for cell in row] for row in rows])


@dataclass(frozen=True, slots=True)
class AlbumResult:
    """The outcome of an album."""

    folder: Path
    index: Path
    painted: int
    kept: int  # existing results
    failed: tuple[str, ...]  # for each skipped file, why, in a sentence


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
    """Stylize every picture after every painting, and make a contact sheet.

    Contents and styles are files or folders; a sequence of style files is a mix. The
    results and the sheet go into ``folder``, created if necessary; existing results are
    kept unless ``overwrite`` is set. Raises a VidstyleError if nothing can be done.
    """
    config, album = config or StyleConfig(), album or AlbumConfig()
    folder, content_paths = Path(folder), [Path(path) for path in contents]
    style_paths = [
        Path(style) if isinstance(style, str | os.PathLike) else tuple(map(Path, style))
        for style in styles
    ]
    pairs = make_pairs(
        [file for path in content_paths for file in pictures_in(path)],
        [mix for style in style_paths for mix in alternatives(style)],
        folder,
    )
    check_pairs(pairs, content_paths, style_paths, folder)
    left = [pair for pair in pairs if overwrite or not pair.output.exists()]
    kept = len(pairs) - len(left)
    rows = len({pair.content for pair in pairs})
    summary = f"{rows} x {len(pairs) // rows} -> {counted(len(pairs), 'picture')}"
    if kept:
        summary += f"; {kept} already exist (--overwrite paints them again)"
    listener(Notice(text=summary))
    run = _Run(config, album, listener, keep_alpha)
    painted = run.paint(left, kept)
    if painted + kept == 0:
        raise InputError(f"nothing could be painted: {' '.join(run.failed.values())}")
    write_picture(folder / INDEX, index_sheet(pairs))
    failed = tuple(run.failed.values())
    return AlbumResult(folder, folder / INDEX, painted, kept, failed)


@dataclass(slots=True)
class _Run:
    """Stylizes pairs; reports unreadable files and adds them to ``failed``."""

    config: StyleConfig
    album: AlbumConfig
    listener: Listener
    keep_alpha: bool
    failed: dict[Path, str] = field(default_factory=dict)
    network: FeatureNetwork | None = None

    def paint(self, pairs: Sequence[Pair], kept: int) -> int:
        """Stylize the readable pairs, size by size; return the number of results."""
        groups = self._by_size(pairs)
        total = kept + sum(len(group) for group in groups.values())
        if groups:
            height, width = next(iter(groups))
            plan = Plan(
                height=height,
                width=width,
                frames=total,
                done=kept,
                next_steps=self.config.first_steps,
                unit="picture",
            )
            self.listener(plan)
        by_number = {pair.number: pair for pair in pairs}
        for (height, width), group in groups.items():
            stills = self._stills(group, height, width)
            slots = min(self.album.batch, len(group))
            for still, picture, steps in paint_stills(stills, slots, self.listener):
                pair = by_number[still.number]
                make_folder(pair.output.parent)
                alpha = self.keep_alpha
                result = with_alpha_of(pair.content, picture) if alpha else picture
                write_picture(pair.output, result)
                report = FrameReport(frame=pair.number, steps=steps, frames_known=total)
                self.listener(report)
        return total - kept

    def _by_size(self, pairs: Sequence[Pair]) -> dict[Size, list[Pair]]:
        """Read every file once; group the readable pairs by the size of the result."""
        sizes: dict[Path, Size] = {}
        for content in dict.fromkeys(pair.content for pair in pairs):
            with self._skip_unreadable(content):
                frame = working_frame(read_picture(content), self.config)
                sizes[content] = frame.shape[0], frame.shape[1]
        least = min((max(size) for size in sizes.values()), default=MIN_SIDE)
        for style in dict.fromkeys(path for pair in pairs for path in pair.styles):
            with self._skip_unreadable(style):
                painting_size(read_picture(style), self.config, least)
        groups: dict[Size, list[Pair]] = {}
        for pair in pairs:
            if not self.failed.keys() & {pair.content, *pair.styles}:
                groups.setdefault(sizes[pair.content], []).append(pair)
        return groups

    @contextmanager
    def _skip_unreadable(self, path: Path) -> Iterator[None]:
        """Report a file that cannot be used, instead of raising."""
        try:
            yield
        except (ImageOpenError, ConfigError) as err:
            reason = f"{path}: {err}" if isinstance(err, ConfigError) else str(err)
            self.failed[path] = reason
            self.listener(Notice(text=f"skipped: {reason}", is_warning=True))

    def _stills(
        self, pairs: Sequence[Pair], height: int, width: int
    ) -> Iterator[Still]:
        """Read the pictures of one size lazily."""

        @cache
        def stylizer_for(styles: tuple[Path, ...]) -> Stylizer:
            paintings = read_paintings(
                styles, self.config, height=height, width=width, listener=self.listener
            )
            return paintings.load(self.listener, self.network)

        for pair in pairs:
            source = read_flattened(
                pair.content,
                self.listener,
                self.album.background,
                keep_alpha=self.keep_alpha,
            )
            stylizer = stylizer_for(pair.styles)
            self.network = stylizer.network
            frame = resize_frame(source, height=height, width=width)
            yield Still(pair.number, stylizer, frame)
