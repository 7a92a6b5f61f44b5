"""Coherence: a clip and its painting in, how much the paint flickers out.

What flickers is measured against the source's motion: where its flow can be trusted, a
frame should be its predecessor, moved. The source itself misses that by some amount,
under the same measure, which says how much of an error is the flow's and the noise's.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from vidstyle.config import FlowQuality
from vidstyle.images import frame_to_image
from vidstyle.motion.flow import estimate_motion
from vidstyle.motion.warp import consistency_to_tensor, flow_to_tensor, warp
from vidstyle.records import Frame, Motion


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalError:
    """How far one frame is from its predecessor moved along the source's flow."""

    index: int
    """0-based number of the later frame among those given."""
    error: float
    """Of the stylized frame: squared difference in units of the full range, mean over
    colors and, weighted by consistency, over pixels."""
    source_error: float
    """Of the source's own frame, on the same pixels along the same flow."""
    trusted_share: float
    """Mean consistency of that flow."""


def temporal_errors(
    stylized: Iterable[Frame],
    source: Iterable[Frame],
    *,
    quality: FlowQuality = "medium",
    cuts: Collection[int] = (),
) -> Iterator[TemporalError]:
    """Measure the flicker between each frame and the one before it in the same shot.

    Args:
        stylized: Painted frames, read once and not held.
        source: The frames that they were painted from, of the same shape and number.
        quality: Of the flow, which is estimated on the source.
        cuts: Indices of frames that begin a shot.

    Yields:
        One error a pair, in order. A pair at a cut has none, nor has one whose flow can
        be trusted nowhere.

    Raises:
        ValueError: If the two differ in number or shape.

    Source: Ruder et al. 2016's short-term loss, divided by the trusted pixels.
    """
    both = enumerate(zip(stylized, source, strict=True))
    for (_, earlier), (index, later) in pairwise(both):
        if later[0].shape != later[1].shape:
            raise ValueError(
                f"frame {index} is {later[0].shape} painted but {later[1].shape} in "
                "the source; resize one of them."
            )
        if index in cuts:
            continue
        motion = estimate_motion(earlier[1], later[1], quality=quality)
        if motion.trusted_share == 0:
            continue
        yield TemporalError(
            index=index,
            error=_miss(earlier[0], later[0], motion),
            source_error=_miss(earlier[1], later[1], motion),
            trusted_share=motion.trusted_share,
        )


def _miss(earlier: Frame, later: Frame, motion: Motion) -> float:
    flow = flow_to_tensor(motion.flow_backward)
    consistency = consistency_to_tensor(motion.consistency)  # (1, 1, H, W)
    moved = warp(frame_to_image(earlier), flow)
    squared = (moved - frame_to_image(later)).square().mean(1, keepdim=True)
    return ((squared * consistency).sum() / consistency.sum()).item()
