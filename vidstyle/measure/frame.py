"""A painted frame and its source come in, how they compare goes out."""

from pathlib import Path

from vidstyle.images import read_picture, resize_frame
from vidstyle.measure.distance import DistanceMeter, Ruler
from vidstyle.measure.pixels import mean_squared_error, structural_similarity
from vidstyle.records import Frame


class FrameMeter:
    """Compares frames of one size with their sources and with one painting."""

    def __init__(
        self, style: Path | None, ruler: Ruler | None, *, height: int, width: int
    ) -> None:
        """Read the painting and measure it.

        Args:
            style: The painting's file; None: only the source is compared with.
            ruler: For the distances; None: there are none.
            height: Of the frames.
            width: Of the frames.

        Raises:
            ImageOpenError: If the painting cannot be read.
            ConfigError: If it is too small.
        """
        self._painting: Frame | None = None
        self._meter: DistanceMeter | None = None
        if style is not None and ruler is not None:
            picture = read_picture(style)
            self._painting = resize_frame(picture, height=height, width=width)
            self._meter = DistanceMeter(style, ruler, long_side=max(height, width))

    def measure(
        self, stylized: Frame, content: Frame, *, begins_shot: bool
    ) -> dict[str, tuple[float, float]]:
        """Measure the next frame.

        Args:
            stylized: The painted frame.
            content: Its source, of the same shape.
            begins_shot: Whether it is the first frame of a shot.

        Returns:
            By name the painted frame's number, and the source's own: ``content_mse``
            and ``content_ssim`` and, with a painting, ``style_mse`` against the
            painting stretched to the frame, ``style_distance``, ``content_distance``.
        """
        measured = {
            "content_mse": (mean_squared_error(stylized, content), 0.0),
            "content_ssim": (structural_similarity(stylized, content), 1.0),
        }
        if self._painting is None or self._meter is None:
            return measured
        ours, theirs = self._meter.measure(stylized, content, begins_shot=begins_shot)
        return {
            **measured,
            "style_mse": (
                mean_squared_error(stylized, self._painting),
                mean_squared_error(content, self._painting),
            ),
            "style_distance": (ours.style, theirs.style),
            "content_distance": (ours.content, theirs.content),
        }
