"""One picture from file to file: read, optimise, write."""

from collections.abc import Callable, Sequence
from pathlib import Path

from vidstyle.config import EvolutionConfig, Region, StyleConfig
from vidstyle.images import (
    check_free,
    check_picture_path,
    resize_frame,
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
from vidstyle.stylize.style_bank import working_size
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
    """Paint one picture.

    Args:
        content: The picture's file.
        style: The painting's file, or several, which are mixed.
        output: Where the result goes.
        config: How; None: the defaults.
        regions: Parts of it with paintings of their own; where two meet, the later one
            wins. What is in none gets ``style``; if that is empty, it stays as it is.
        evolution: How the GIF of the learning looks; None: the defaults.
        evolution_output: Where it goes, ``.gif`` or ``.mp4``; None: no GIF.
        overwrite: Whether files that are there may be replaced.
        listener: Is told every step.

    Returns:
        ``output``.

    Raises:
        InputError: If an input or a setting cannot be used.
        WeightsError: If a network that was named has no weights.
        OptimizationError: If the optimisation cannot go on.
        OutputError: If a result cannot be written.
    """
    content, output = Path(content), Path(output)
    regions = as_regions(regions)
    gif_output = None if evolution_output is None else Path(evolution_output)
    check_picture_path(output)
    if gif_output is not None:
        check_evolution_name(gif_output)
    check_free(output, gif_output, overwrite=overwrite)
    config = config or StyleConfig()
    source = read_told(content, listener)
    tall, wide = source.shape[:2]
    height, width = working_size(height=tall, width=wide, long_side=config.long_side)
    listener(Notice(text=f"{content.name}: {wide}x{tall} -> {width}x{height}"))
    frame = resize_frame(source, height=height, width=width)
    masks = [read_mask(each.mask, height=height, width=width) for each in regions]
    stylizer = load_stylizer(
        style, config, height=height, width=width, listener=listener, regions=regions
    )
    frames = len(masks) + stylizer.bank.has_rest
    listener(Plan(height=height, width=width, frames=frames))
    learned = Evolution(evolution or EvolutionConfig(), frame) if gif_output else None

    def on_step(report: StepReport, picture: Callable[[], Frame]) -> None:
        listener(report)
        if learned is not None:
            learned.offer(picture())

    painted = stylizer.stylize(frame, masks=masks, on_step=on_step)
    if learned is not None and config.steps == 0:
        learned.offer(painted)
    write_picture(output, painted)
    if learned is not None and gif_output is not None:
        write_evolution(learned.pictures(), gif_output, config=learned.config)
    return output
