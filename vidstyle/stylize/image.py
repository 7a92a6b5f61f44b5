"""Stylize one picture from file to file, or several in a batch; read paintings."""

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
from vidstyle.stylize import Stylizer
from vidstyle.stylize.style_bank import painting_size, wanted_side, working_frame
from vidstyle.video.figures import Evolution, write_evolution
from vidstyle.video.write import check_evolution_name

Styles = StrPath | Sequence[StrPath]  # one painting's file, or several


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
    """Stylize one picture and return ``output``, or raise a VidstyleError.

    ``style``, ``regions`` and ``evolution_output`` are as for ``stylize_video``.
    Transparent parts are composited over ``background``; with ``keep_alpha`` the result
    gets the picture's alpha channel.
    """
    content, output = Path(content), Path(output)
    config = config or StyleConfig()
    regions = as_regions(regions)
    gif_output = None if evolution_output is None else Path(evolution_output)
    check_picture_path(output, with_alpha=keep_alpha)
    if gif_output is not None:
        check_evolution_name(gif_output)
    check_free(output, gif_output, overwrite=overwrite)
    source = read_flattened(content, listener, background, keep_alpha=keep_alpha)
    tall, wide, _ = source.shape
    frame = working_frame(source, config)
    height, width, _ = frame.shape
    listener(Notice(text=f"{content.name}: {wide}x{tall} -> {width}x{height}"))
    masks = [read_mask(region.mask, height=height, width=width) for region in regions]
    stylizer = read_paintings(
        style, config, height=height, width=width, listener=listener, regions=regions
    ).load(listener)
    frames = len(masks) + 1 if stylizer.bank.has_rest else len(masks)
    steps = config.first_steps
    listener(Plan(height=height, width=width, frames=frames, next_steps=steps))
    recorder = Evolution(evolution or EvolutionConfig(), frame) if gif_output else None

    def on_step(report: StepReport, picture: Callable[[], Frame]) -> None:
        listener(replace(report, picture=picture))
        if recorder is not None:
            recorder.offer(picture())

    painted = stylizer.stylize(frame, masks=masks, on_step=on_step)
    write_picture(output, with_alpha_of(content, painted) if keep_alpha else painted)
    if recorder is not None and gif_output is not None:
        if steps == 0:
            recorder.offer(painted)
        write_evolution(recorder.pictures(), gif_output, config=recorder.config)
    return output


class Still(NamedTuple):
    """A picture to stylize."""

    number: int  # identifies it in reports
    stylizer: Stylizer
    frame: Frame  # at working size


def paint_stills(
    stills: Iterable[Still],
    slots: int,
    on_step: Callable[[StepReport], None],
    *,
    most_evaluations: int | None = None,
) -> Iterator[tuple[Still, Frame, int]]:
    """Stylize pictures of the same size and configuration in batches of ``slots``.

    Pictures are consumed lazily, as slots become idle, and yielded when finished, with
    the result and the number of steps. ``most_evaluations`` limits the evaluations of
    the loss per picture.
    """
    remaining = iter(stills)
    first = next(remaining, None)
    if first is None:
        return
    active: dict[int, Still] = {}

    def tasks() -> Iterator[FrameTask]:
        for still in chain([first], remaining):
            active[still.number] = still
            yield still.stylizer.first_task(still.number, still.frame)

    batch = first.stylizer.batch(slots)
    for done in batch.run(tasks(), most_evaluations=most_evaluations):
        if done.report is not None:
            on_step(done.report)
        if done.is_finished:
            still = active.pop(done.task.frame)
            picture = still.stylizer.finished(batch.result(done.slot), still.frame)
            yield still, picture, done.report.step if done.report else 0


def read_flattened(
    path: Path,
    listener: Listener,
    background: str = BACKGROUND,
    *,
    keep_alpha: bool = False,
) -> Frame:
    """Read a picture over ``background``, and report how transparency is handled."""
    pixels = decode_picture(path)
    is_transparent = pixels.shape[2] == 4 and to_levels(pixels[..., 3]).min() < 255
    if is_transparent and not keep_alpha:
        text = f"{path.name}: placing transparent parts over {background}"
        listener(Notice(text=text))
    if keep_alpha and not is_transparent:
        text = f"{path.name} has no transparency to keep."
        listener(Notice(text=text, is_warning=True))
    return lay_over(pixels, parse_color("background", background))


def with_alpha_of(path: Path, painted: Frame) -> Frame:
    """Add the alpha channel of the source file: (H, W, 4)."""
    height, width = painted.shape[:2]
    alpha = resize_frame(read_alpha(path), height=height, width=width)
    return np.dstack([painted, alpha])


def read_key(path: Path, height: int, width: int) -> Frame:
    """Read a frame painted by the user, resized to the result.

    Raises ImageOpenError, or ConfigError if its aspect ratio is not the frame's.
    """
    picture = read_picture(path)
    tall, wide = picture.shape[:2]
    check_mask_shape(path, tall, wide, height=height, width=width, what="painted frame")
    return resize_frame(picture, height=height, width=width)


@dataclass(frozen=True, slots=True)
class Paintings:
    """What a run's stylizer is built from; can be sent to other processes."""

    paintings: Sequence[Frame]  # those of regions come last
    config: StyleConfig
    size: tuple[int, int]  # height and width of the frames
    times_s: Sequence[float]
    regions: int

    @property
    def has_rest(self) -> bool:
        """Whether there is a painting for pixels outside all regions."""
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
    """Read and check the paintings of a run, those of regions last.

    ``height`` and ``width`` are those of the result; ``times_s`` are the times in the
    clip at which each painting of ``style`` has full weight (empty: a constant mix).
    Warns of paintings smaller than asked for. Raises ImageOpenError, or ConfigError if
    the numbers of weights or times and of paintings differ.
    """
    styles = as_paths(style, regions)
    check_counts(config, times_s, len(styles))
    long_side = max(height, width)
    wanted = wanted_side(config, long_side)
    is_asked = config.style_side is not None or config.style_scale is not None
    paintings = []
    for path in (*styles, *(region.style for region in regions)):
        painting = read_flattened(path, listener)
        actual = max(painting.shape[:2])
        if is_asked and actual < wanted:
            text = f"{path.name} stays at its own {actual} pixels, less than {wanted}"
            listener(Notice(text=text, is_warning=True))
        painting_size(painting, config, long_side)  # raises early if it is too small
        paintings.append(painting)
    return Paintings(paintings, config, (height, width), times_s, len(regions))


def as_paths(style: Styles, regions: Sequence[Region] = ()) -> list[Path]:
    """List the paintings' paths; ConfigError if there are neither any nor regions."""
    styles = [style] if isinstance(style, str | os.PathLike) else style
    paths = [Path(path) for path in styles]
    if not paths and not regions:
        raise ConfigError("there is no painting; give at least one.")
    return paths


def as_regions(regions: Sequence[Region]) -> list[Region]:
    return [Region(Path(mask), Path(style)) for mask, style in regions]


def read_mask(path: Path, *, height: int, width: int) -> Mask:
    """Read the mask of a region.

    Raises ImageOpenError, or ConfigError if its aspect ratio is wrong or it is empty.
    """
    picture = read_picture(path)
    check_mask_shape(path, *picture.shape[:2], height=height, width=width)
    mask = soft_mask(picture, height=height, width=width)
    if not mask.any():
        raise ConfigError(f"the mask {path} is all black; paint its region white.")
    return mask
