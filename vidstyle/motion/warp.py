"""Warping: images and a flow in, the images moved along it out.

Tensors only, on whatever device they are. Nothing is estimated here: ``flow`` makes the
flows and ``consistency`` says where to believe them.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor

from vidstyle.records import Consistency, FlowField

RADIUS: Final = 6
"""Pixels to each side that a sample draws on: what is warped was itself warped, dozens
of times over, so the kernel has to keep nearly all of the detail."""

KAISER_BETA: Final = 6.0
"""Shape of the window: 60 warps by half a pixel keep nine tenths of a wave of 0.34
cycles a pixel, and one warp amplifies no wave by more than 1.002: nothing rings up."""

PHASES: Final = 1024
"""Steps to a pixel that positions are rounded to."""

CHUNK: Final = 1 << 16
"""Samples that are taken at a time, which bounds the memory."""


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """Move images along a flow: ``out[p] = images[p + flow[p]]``.

    Sampled by a windowed sinc over 12x12 pixels; outside the picture its border is
    repeated. A flow of whole pixels shifts exactly, and no flow changes no bit.

    Args:
        images: (N, C, H, W) in [0, 1].
        flow: (N, 2, H, W) pixels, x then y, on the same device.

    Returns:
        (N, C, H, W), clamped to [0, 1].

    Raises:
        ValueError: If the shapes do not belong together.

    Source: Ruder et al. 2016 warp bilinearly. Over 60 warps by half a pixel that leaves
    a tenth of a painting's mean gradient, and Catmull-Rom's bicubic a third; torch's
    bicubic and Lanczos' kernel of 6x6 pixels double it. This one keeps four fifths at
    the least and adds a twentieth at the most.
    """
    count, _, height, width = images.shape
    if flow.shape != (count, 2, height, width):
        raise ValueError(
            f"a flow of shape {tuple(flow.shape)} does not fit images of shape "
            f"{tuple(images.shape)}; it must be {(count, 2, height, width)}."
        )
    table = _kernel_table().to(images.dtype).to(images.device)
    warped = [_warp_one(*pair, table) for pair in zip(images, flow, strict=True)]
    return torch.stack(warped)  # (N, C, H, W)


def flow_to_tensor(flow: FlowField, *, device: torch.device | None = None) -> Tensor:
    """Turn one flow field into a (1, 2, H, W) flow, a copy on ``device``."""
    pixels = torch.from_numpy(np.array(flow, np.float32)).to(device)  # (H, W, 2)
    return pixels.permute(2, 0, 1).unsqueeze(0).contiguous()  # (1, 2, H, W)


def consistency_to_tensor(
    consistency: Consistency, *, device: torch.device | None = None
) -> Tensor:
    """Turn one consistency mask into a (1, 1, H, W) mask, a copy on ``device``."""
    return torch.from_numpy(np.array(consistency, np.float32)).to(device)[None, None]


def _warp_one(image: Tensor, flow: Tensor, table: Tensor) -> Tensor:
    """Warp (C, H, W) along (2, H, W)."""
    channels, height, width = image.shape
    margin = 2 * RADIUS - 1
    padded = torch.nn.functional.pad(image[None], (margin,) * 4, mode="replicate")[0]
    planes = padded.flatten(1)  # (C, H' * W')
    stride = padded.shape[-1]

    columns, phases_x = _split(flow[0], torch.arange(width, device=flow.device))
    lines = torch.arange(height, device=flow.device).unsqueeze(1)
    rows, phases_y = _split(flow[1], lines)
    corners = (rows * stride + columns).flatten()  # (H * W,)
    phases_x, phases_y = phases_x.flatten(), phases_y.flatten()

    out = image.new_empty(channels, height * width)
    for start in range(0, height * width, CHUNK):
        some = slice(start, start + CHUNK)
        across, down = table[:, phases_x[some]], table[:, phases_y[some]]  # (12, S)
        out[:, some] = _sample(planes, stride, corners[some], across, down)
    return out.view(channels, height, width)


def _split(flow: Tensor, here: Tensor) -> tuple[Tensor, Tensor]:
    """Split positions along one axis into first taps of the padded picture and phases.

    The flow is split before its place is added, because the sum would round the phase.
    """
    whole = flow.floor()
    phases = ((flow - whole) * PHASES).round().long()
    most = here.numel() + RADIUS - 2  # the first from which all taps are border
    before = (here + whole.clamp(-2 * most, 2 * most).long()).clamp(-RADIUS, most)
    # RADIUS - 1 of the margin's 2 * RADIUS - 1 pixels are the taps before this one.
    return before + RADIUS, phases


def _kernel_table() -> Tensor:
    """Make the (12, PHASES + 1) weights of the taps for each phase from 0 to 1."""
    phases = torch.linspace(0, 1, PHASES + 1, dtype=torch.float64)
    taps = torch.arange(1 - RADIUS, RADIUS + 1, dtype=torch.float64)
    away = phases - taps.unsqueeze(1)  # (12, PHASES + 1)
    window = torch.i0(KAISER_BETA * (1 - (away / RADIUS) ** 2).clamp(min=0).sqrt())
    weights = torch.sinc(away) * window
    weights = weights / weights.sum(0)
    weights[:, [0, -1]] = weights[:, [0, -1]].round()  # sin(pi * k) is not exactly 0
    return weights


def _sample(
    planes: Tensor, stride: int, corner: Tensor, across: Tensor, down: Tensor
) -> Tensor:
    """Weigh the 12x12 pixels right of and below each corner.

    Args:
        planes: (C, pixels), rows of ``stride`` pixels one after another.
        stride: Pixels from a row to the next.
        corner: (S,) indices into ``planes``.
        across: (12, S) weights of the columns.
        down: (12, S) weights of the rows.

    Returns:
        (C, S), clamped to [0, 1].
    """
    out = planes.new_zeros(len(planes), len(corner))
    for y, weight_y in enumerate(down):
        line = torch.zeros_like(out)
        for x, weight_x in enumerate(across):
            line += planes.index_select(1, corner + (y * stride + x)) * weight_x
        out += line * weight_y
    return out.clamp(0, 1)
