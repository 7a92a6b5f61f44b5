"""One picture from file to file, several beside one another; their paintings read."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vidstyle.color import Mask, soft_mask
from vidstyle.config import (
    BACKGROUND,
    EvolutionConfig,
    Region,
    StyleConfig,
    check_counts,
    check_mask_shape,
    parse_color,
)
from vidstyle.errors import ConfigError
from vidstyle.images import (
    check_free,
    check_picture_path,
    lay_over,
    read_alpha,
    read_picture,
    resize_frame,
    write_picture,
)
from vidstyle.images.decode import decode_picture, to_levels
from vidstyle.networks.vgg import FeatureNetwork
from vidstyle.optimize.slots import FrameTask
from vidstyle.records import Frame, Listener, Notice, Plan, StepReport, StrPath, ignore
from vidstyle.stylize.style_bank import painting_size, wanted_side, working_frame
from vidstyle.stylize.stylizer import Stylizer
from vidstyle.video.evolution import Evolution, check_evolution_name, write_evolution

Styles = StrPath | Sequence[StrPath]  # the file of a painting, or several


def stylize_image(
    content: StrPath,
    style: Styles,
    output: StrPath,
    *,
    config: StyleConfig | None = None,
    regions: Sequence[Region] = (),
    evolution: EvolutionConfig | None = None,
    evolution_output: StrPath | None = None,
    background: str = BACKGROUND,
    keep_alpha: bool = False,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Paint one picture into ``output``, which is returned; or a VidstyleError.

    ``style``, ``regions`` and ``evolution_output`` are as for ``stylize_video``.
    ``background`` lies behind transparent parts; to ``keep_alpha`` they stay so.
    """
    content, output = Path(content), Path(output)
    config, regions = config or StyleConfig(), as_regions(regions)
    gif_output = None if evolution_output is None else Path(evolution_output)
    check_picture_path(output, with_alpha=keep_alpha)
    if gif_output is not None:
        check_evolution_name(gif_output)
    check_free(output, gif_output, overwrite=overwrite)
    source = read_told(content, listener, background, keep_alpha=keep_alpha)
    frame = working_frame(source, config)
    (tall, wide, _), (height, width, _) = source.shape, frame.shape
    listener(Notice(text=f"{content.name}: {wide}x{tall} -> {width}x{height}"))
    masks = [read_mask(each.mask, height=height, width=width) for each in regions]
    stylizer = read_paintings(
        style, config, height=height, width=width, listener=listener, regions=regions
    ).load(listener)
    frames = len(masks) + stylizer.bank.has_rest
    steps = config.first_steps
    listener(Plan(height=height, width=width, frames=frames, next_steps=steps))
    learned = Evolution(evolution or EvolutionConfig(), frame) if gif_output else None

    def on_step(report: StepReport, picture: Callable[[], Frame]) -> None:
        listener(replace(report, picture=picture))
        if learned is not None:
            learned.offer(picture())

    painted = stylizer.stylize(frame, masks=masks, on_step=on_step)
    write_picture(output, with_alpha_of(content, painted) if keep_alpha else painted)
    if learned is not None and gif_output is not None:
        if steps == 0:
            learned.offer(painted)
        write_evolution(learned.pictures(), gif_output, config=learned.config)
    return output


class Still(NamedTuple):
    """A picture, and what paints it."""

    number: int  # what its reports call it
    stylizer: Stylizer
    frame: Frame  # at working size


def paint_stills(
    stills: Iterable[Still],
    slots: int,
    on_step: Callable[[StepReport], None],
    *,
    most_evaluations: int | None = None,
) -> Iterator[tuple[Still, Frame, int]]:
    """Paint pictures of one size and configuration, so many beside one another.

    They are asked for as slots become idle; with ``most_evaluations`` of its loss a
    picture is finished, too. Yields what is finished: the picture as it was given and
    as it is painted, and its steps.
    """
    source, painting = iter(stills), dict[int, Still]()
    if (first := next(source, None)) is None:
        return

    def tasks() -> Iterator[FrameTask]:
        for still in chain([first], source):
            painting[still.number] = still
            yield still.stylizer.first_task(still.number, still.frame)

    batch = first.stylizer.batch(slots)
    for done in batch.run(tasks(), most_evaluations=most_evaluations):
        if done.report is not None:
            on_step(done.report)
        if done.is_finished:
            still = painting.pop(done.task.frame)
            picture = still.stylizer.finished(batch.result(done.slot), still.frame)
            yield still, picture, done.report.step if done.report else 0


def read_told(
    path: Path,
    listener: Listener,
    background: str = BACKGROUND,
    *,
    keep_alpha: bool = False,
) -> Frame:
    """Read a picture, and tell the listener what becomes of its transparent parts."""
    pixels, name = decode_picture(path), path.name
    is_clear = pixels.shape[2] == 4 and to_levels(pixels[..., 3]).min() < 255
    if is_clear and not keep_alpha:
        listener(Notice(text=f"{name}: placing transparent parts over {background}"))
    if keep_alpha and not is_clear:
        text = f"{name} has no transparency to keep."
        listener(Notice(text=text, is_warning=True))
    return lay_over(pixels, parse_color("background", background))


def with_alpha_of(path: Path, painted: Frame) -> Frame:
    """Give a painted picture its source's transparency: (H, W, 4)."""
    height, width = painted.shape[:2]
    alpha = resize_frame(read_alpha(path), height=height, width=width)
    return np.dstack([painted, alpha])


def read_key(path: Path, height: int, width: int) -> Frame:
    """Read a user's own painting of a frame, at the size of the result.

    ImageOpenError: it cannot be read; ConfigError: its shape is not the frame's.
    """
    picture = read_picture(path)
    tall, wide = picture.shape[:2]
    check_mask_shape(path, tall, wide, height=height, width=width, what="painted frame")
    return resize_frame(picture, height=height, width=width)


@dataclass(frozen=True, slots=True)
class Paintings:
    """What a run paints with, before a network is loaded; any process can load it."""

    paintings: Sequence[Frame]  # those of regions come last
    config: StyleConfig
    size: tuple[int, int]  # height and width of the frames
    times_s: Sequence[float]
    regions: int

    @property
    def has_rest(self) -> bool:
        """Whether there is a painting for what is in no region."""
        return len(self.paintings) > self.regions

    def load(
        self, listener: Listener, network: FeatureNetwork | None = None
    ) -> Stylizer:
        return Stylizer(
            self.paintings,
            self.config,
            size=self.size,
            times_s=self.times_s,
            regions=self.regions,
            network=network,
            listener=listener,
        )


def read_paintings(
    style: Styles,
    config: StyleConfig,
    *,
    height: int,
    width: int,
    listener: Listener,
    times_s: Sequence[float] = (),
    regions: Sequence[Region] = (),
) -> Paintings:
    """Read the paintings of a run, for results of a height and width.

    ``style`` is of what is in no region, whose paintings come last; at each of
    ``times_s``, seconds of the clip, one painting is alone (empty: they are mixed all
    along). The listener is told of a small painting. ImageOpenError: a painting cannot
    be read; ConfigError: there are more or fewer numbers than paintings.
    """
    styles, long_side = as_paths(style, regions), max(height, width)
    check_counts(config, times_s, len(styles))
    wanted = wanted_side(config, long_side)
    is_asked = config.style_side is not None or config.style_scale is not None
    paintings = []
    for path in (*styles, *(region.style for region in regions)):
        painting = read_told(path, listener)
        if is_asked and wanted > (there := max(painting.shape[:2])):
            text = f"{path.name} stays at its own {there} pixels, less than {wanted}"
            listener(Notice(text=text, is_warning=True))
        painting_size(painting, config, long_side)  # reported before the work
        paintings.append(painting)
    return Paintings(paintings, config, (height, width), times_s, len(regions))


def as_paths(style: Styles, regions: Sequence[Region] = ()) -> list[Path]:
    """Make a list of paintings; ConfigError: there are none, and no region with one."""
    given = [style] if isinstance(style, str | os.PathLike) else style
    paths = [Path(one) for one in given]
    if not paths and not regions:
        raise ConfigError("there is no painting; give at least one.")
    return paths


def as_regions(regions: Sequence[Region]) -> list[Region]:
    return [Region(Path(mask), Path(style)) for mask, style in regions]


def read_mask(path: Path, *, height: int, width: int) -> Mask:
    """Read the mask of a region.

    ImageOpenError: it cannot be read; ConfigError: it is of another shape than the
    picture, or empty.
    """
    picture = read_picture(path)
    check_mask_shape(path, *picture.shape[:2], height=height, width=width)
    mask = soft_mask(picture, height=height, width=width)
    if not mask.any():
        raise ConfigError(f"the mask {path} is all black; paint its region white.")
    return mask
