"""One picture: read, optimise, write."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from vidstyle.color.masks import Mask, complement, composite, flatten_masks
from vidstyle.color.palette import color_statistics
from vidstyle.config import EvolutionConfig, Region, StyleConfig
from vidstyle.images import (
    check_picture_path,
    image_to_frame,
    read_picture,
    resize_frame,
    write_picture,
)
from vidstyle.optimize.batch import optimize_batch
from vidstyle.records import Frame, Listener, Notice, Plan, StepReport, ignore
from vidstyle.stylize.first_frame import first_task
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.stylize.stylizer import Tools, prepare, read_mask, working_size
from vidstyle.video.evolution import Evolution, check_evolution_name, write_evolution


def paint_frame(
    frame: Frame,
    tools: Tools,
    config: StyleConfig,
    on_step: Callable[[StepReport, Callable[[], Frame]], None] | None = None,
    *,
    time_s: float = 0.0,
    masks: Sequence[Mask] = (),
) -> Frame:
    """Paint one frame that follows no other.

    Args:
        frame: At working size.
        tools: Of the run.
        config: Weights, layers and optimiser.
        on_step: Called with each step's report, and what makes the best picture so far.
            Regions are reported as frames of their own.
        time_s: The second of the clip at which it is shown.
        masks: Of the regions, if there are any. Each is painted for itself, as a sample
            of one batch, so that it depends on no other's painting.
    """
    parts = _parts(frame, tools.look, masks, time_s)
    if not parts:  # nothing of it is in any region
        return frame
    jobs = [
        first_task(
            number, tools.look.content(frame, wish), wish, tools, config, mask=mask
        )
        for number, (wish, mask) in enumerate(parts)
    ]
    seen = [mask for _, mask in parts if mask is not None]
    newest = [job.start for job in jobs]

    def picture() -> Frame:
        painted = [
            tools.look.restore_chroma(image_to_frame(one), frame) for one in newest
        ]
        return composite(frame, painted, seen) if seen else painted[0]

    def heard(report: StepReport, image: Tensor) -> None:
        newest[report.frame] = image
        if on_step is not None:
            on_step(report, picture)

    style = tools.look.plain_style()
    newest[:] = optimize_batch(tools.network, style, config, jobs, on_step=heard)
    return picture()


def _parts(
    frame: Frame, look: StyleBank, masks: Sequence[Mask], time_s: float
) -> list[tuple[FrameStyle, Mask | None]]:
    """Say what each part of a frame is to look like; without a mask it is all of it."""
    if not masks:
        return [(look.at(time_s, color_statistics(frame)), None)]
    visible = flatten_masks(masks)
    parts: list[tuple[FrameStyle, Mask | None]] = []
    rest = complement(visible)
    if look.has_rest and rest.any():
        parts.append((look.at(time_s, color_statistics(frame, rest)), rest))
    for region, mask in enumerate(visible):
        if mask.any():
            wish = look.for_region(region, color_statistics(frame, mask))
            parts.append((wish, mask))
    return parts


def stylize_image(
    content: Path,
    style: Path | Sequence[Path],
    output: Path,
    *,
    config: StyleConfig | None = None,
    regions: Sequence[Region] = (),
    evolution: EvolutionConfig | None = None,
    evolution_output: Path | None = None,
    listener: Listener = ignore,
) -> Path:
    """Paint one picture.

    Args:
        content: The picture's file.
        style: The painting's file, or several, which are mixed.
        output: Where the result goes; an existing file is replaced.
        config: How; None: the defaults.
        regions: Parts of it with paintings of their own; where two meet, the later one
            wins. What is in none gets ``style``; if that is empty, it stays as it is.
        evolution: How the GIF of the learning looks; None: the defaults.
        evolution_output: Where it goes, ``.gif`` or ``.mp4``; None: no GIF.
        listener: Is told every step.

    Returns:
        ``output``.

    Raises:
        InputError: If an input or a setting cannot be used.
        WeightsError: If a network that was named has no weights.
        OptimizationError: If the optimisation cannot go on.
        OutputError: If a result cannot be written.
    """
    check_picture_path(output)
    if evolution_output is not None:
        check_evolution_name(evolution_output)
    config = config or StyleConfig()
    source = read_picture(content)
    height, width = working_size(
        height=source.shape[0], width=source.shape[1], long_side=config.long_side
    )
    sizes = f"{source.shape[1]}x{source.shape[0]} -> {width}x{height}"
    listener(Notice(text=f"{content.name}: {sizes}"))
    frame = resize_frame(source, height=height, width=width)
    masks = [read_mask(each.mask, height=height, width=width) for each in regions]
    tools = prepare(
        style, config, height=height, width=width, listener=listener, regions=regions
    )
    frames = len(masks) + tools.look.has_rest
    listener(Plan(height=height, width=width, frames=frames))
    learned = None
    if evolution_output is not None:
        learned = Evolution(evolution or EvolutionConfig(), frame)

    def on_step(report: StepReport, picture: Callable[[], Frame]) -> None:
        listener(report)
        if learned is not None:
            learned.offer(picture())

    painted = paint_frame(frame, tools, config, on_step, masks=masks)
    if learned is not None and config.steps == 0:
        learned.offer(painted)
    write_picture(output, painted)
    if learned is not None and evolution_output is not None:
        write_evolution(learned.pictures(), evolution_output, config=learned.config)
    return output
