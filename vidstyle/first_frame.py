"""A frame that follows no other -> where it starts, and what it should become."""

from torch import Tensor
from torch.nn import functional

from vidstyle.config import StyleConfig
from vidstyle.controls.masks import Mask, guide_image
from vidstyle.images import frame_to_image, resize_frame
from vidstyle.look import Look, Wish
from vidstyle.preparation import Tools
from vidstyle.records import Frame
from vidstyle.style.init_image import fitted_image, random_image
from vidstyle.style.level import Job
from vidstyle.style.pyramid import enlarged
from vidstyle.style.targets import content_target


def first_job(
    number: int,
    content: Frame,
    wish: Wish,
    tools: Tools,
    config: StyleConfig,
    *,
    mask: Mask | None = None,
    noise: int = 0,
) -> Job:
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

    def job(frame: Frame, look: Look, steps: int, coarser: tuple[Job, ...]) -> Job:
        image = frame_to_image(frame, device=tools.device)
        start = _start(tools, wish, image, config, noise)
        if config.init == "random" and coarser:  # noise of its own would only disturb
            start = enlarged(coarser[-1].start, image)
        return Job(
            frame=number,
            start=start,
            content=content_target(tools.network, image, config),
            steps=steps,
            style=look.style(wish),
            mask=None if guide is None else _fitted(guide, image),
            coarser=coarser,
        )

    coarser: tuple[Job, ...] = ()
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
    tools: Tools, wish: Wish, content_image: Tensor, config: StyleConfig, index: int
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
        start = tools.look.worked_on(tools.start_picture)
        picture = frame_to_image(start, device=tools.device)
        return fitted_image(picture, content_image)
    return content_image.clone()
