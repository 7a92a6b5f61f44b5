"""A painted frame and its source come in, how they compare goes out."""

from pathlib import Path

from vidstyle.config import DeviceName, NetworkName
from vidstyle.images import read_picture, resize_frame
from vidstyle.measure.distance import DistanceMeter
from vidstyle.measure.pixels import mean_squared_error, structural_similarity
from vidstyle.records import Frame, Listener


class FrameMeter:
    """Compares frames of one size with their sources and with one painting."""

    def __init__(
        self,
        style: Path | None,
        *,
        height: int,
        width: int,
        network: NetworkName,
        device: DeviceName,
        listener: Listener,
    ) -> None:
        """Read the painting and load the network.

        Args:
            style: The painting's file; None: only the source is compared with.
            height: Of the frames.
            width: Of the frames.
            network: For the distances.
            device: For the distances.
            listener: Is told of a download, and what ``auto`` chose.

        Raises:
            ImageOpenError: If the painting cannot be read.
            ConfigError: If the device is not there, or the painting too small.
            WeightsError: If the network's weights are not to be had.
        """
        self._painting: Frame | None = None
        self._meter: DistanceMeter | None = None
        if style is not None:
            picture = read_picture(style)
            self._painting = resize_frame(picture, height=height, width=width)
            self._meter = DistanceMeter(
                style,
                network=network,
                device=device,
                long_side=max(height, width),
                listener=listener,
            )

    @property
    def network(self) -> str | None:
        """Name of the network that was taken. None: there are no distances."""
        return None if self._meter is None else self._meter.network

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
