"""One picture from file to file: read, optimise, write."""

from collections.abc import Callable, Sequence
from pathlib import Path

from vidstyle.config import EvolutionConfig, Region, StyleConfig
from vidstyle.images import (
    check_free,
    check_picture_path,
    write_picture,
)
from vidstyle.records import Frame, Listener, Notice, Plan, StepReport, StrPath, ignore
from vidstyle.stylize.inputs import (
    Styles,
    as_regions,
    load_stylizer,
    read_mask,
    read_told,
)
from vidstyle.stylize.style_bank import working_frame
from vidstyle.video.evolution import Evolution, check_evolution_name, write_evolution


def stylize_image(
    content: StrPath,
    style: Styles,
    output: StrPath,
    *,
    config: StyleConfig | None = None,
    regions: Sequence[Region] = (),
    evolution: EvolutionConfig | None = None,
    evolution_output: StrPath | None = None,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Path:
    """Paint one picture into ``output``, which is returned.

    ``style``, ``regions`` and ``evolution_output`` are as for ``stylize_video``.

    Raises:
        VidstyleError: An InputError, WeightsError, OptimizationError or OutputError.
    """
    content, output = Path(content), Path(output)
    config, regions = config or StyleConfig(), as_regions(regions)
    gif_output = None if evolution_output is None else Path(evolution_output)
    check_picture_path(output)
    if gif_output is not None:
        check_evolution_name(gif_output)
    check_free(output, gif_output, overwrite=overwrite)
    source = read_told(content, listener)
    frame = working_frame(source, config)
    (tall, wide, _), (height, width, _) = source.shape, frame.shape
    listener(Notice(text=f"{content.name}: {wide}x{tall} -> {width}x{height}"))
    masks = [read_mask(each.mask, height=height, width=width) for each in regions]
    stylizer = load_stylizer(
        style, config, height=height, width=width, listener=listener, regions=regions
    )
    frames = len(masks) + stylizer.bank.has_rest
    plan = Plan(height=height, width=width, frames=frames, next_steps=config.steps)
    listener(plan)
    learned = Evolution(evolution or EvolutionConfig(), frame) if gif_output else None

    def on_step(report: StepReport, picture: Callable[[], Frame]) -> None:
        listener(report)
        if learned is not None:
            learned.offer(picture())

    painted = stylizer.stylize(frame, masks=masks, on_step=on_step)
    write_picture(output, painted)
    if learned is not None and gif_output is not None:
        if config.steps == 0:
            learned.offer(painted)
        write_evolution(learned.pictures(), gif_output, config=learned.config)
    return output
