"""A frame that follows no other -> where it starts, and what it should become."""

from torch import Tensor
from torch.nn import functional

from vidstyle.color.masks import Mask, guide_image
from vidstyle.config import StyleConfig
from vidstyle.images import frame_to_image, resize_frame
from vidstyle.optimize.pyramid import enlarged, fitted_image, random_image
from vidstyle.optimize.slots import FrameTask
from vidstyle.optimize.targets import content_target
from vidstyle.records import Frame
from vidstyle.stylize.style_bank import FrameStyle, StyleBank
from vidstyle.stylize.stylizer import Tools


def first_task(
    number: int,
    content: Frame,
    wish: FrameStyle,
    tools: Tools,
    config: StyleConfig,
    *,
    mask: Mask | None = None,
    noise: int = 0,
) -> FrameTask:
    """Prepare the optimisation of a still picture, or of a shot's first frame.

    Args:
        number: What its reports call it.
        content: What is to be kept of it, at working size.
        wish: What it is to look like.
        tools: Of the run.
        config: Weights, layers and optimiser.
        mask: Of the part that is painted; None: all of it.
        noise: Which noise a random start is.
    """
    guide = None if mask is None else guide_image(mask, device=tools.device)

    def job(
        frame: Frame, look: StyleBank, steps: int, coarser: tuple[FrameTask, ...]
    ) -> FrameTask:
        image = frame_to_image(frame, device=tools.device)
        start = _start(tools, wish, image, config, noise)
        if config.init == "random" and coarser:  # noise of its own would only disturb
            start = enlarged(coarser[-1].start, image)
        return FrameTask(
            frame=number,
            start=start,
            content=content_target(tools.network, image, config),
            steps=steps,
            style=look.style(wish),
            mask=None if guide is None else _fitted(guide, image),
            coarser=coarser,
        )

    coarser: tuple[FrameTask, ...] = ()
    for level in tools.coarser:
        small = resize_frame(content, height=level.height, width=level.width)
        coarser += (job(small, level.look, level.steps, coarser),)
    own = config.steps - sum(each.steps for each in coarser)
    return job(content, tools.look, own, coarser)


def _fitted(mask: Tensor, image: Tensor) -> Tensor:
    """Reduce a mask (1, 1, H, W) to the size of an image."""
    height, width = image.shape[-2:]
    if mask.shape[-2:] == (height, width):
        return mask
    return functional.adaptive_avg_pool2d(mask, (height, width))


def _start(
    tools: Tools,
    wish: FrameStyle,
    content_image: Tensor,
    config: StyleConfig,
    index: int,
) -> Tensor:
    """Make the pixels that a picture, or the first frame of a shot, starts from.

    Args:
        tools: Of the run.
        wish: What the frame is to look like.
        content_image: (1, 3, H, W).
        config: Says how to start.
        index: The frame's, for its noise.

    Returns:
        (1, 3, H, W), new.
    """
    if config.init == "random":
        return random_image(content_image, seed=config.seed, index=index)
    if config.init == "style":
        return fitted_image(tools.look.strongest(wish), content_image)
    if tools.start_picture is not None:
        start = tools.look.to_working(tools.start_picture)
        picture = frame_to_image(start, device=tools.device)
        return fitted_image(picture, content_image)
    return content_image.clone()
