"""Quality metrics of a stylized picture, a clip, or sets of pictures."""

from dataclasses import dataclass
from pathlib import Path

from vidstyle.config import DeviceName, NetworkName, check_frames
from vidstyle.config.parsers import parse_range
from vidstyle.config.setting import FILES, NETWORK, REQUIRED, SIZE, Config


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureConfig(Config):
    """The references to compare a result with, and the network to compare it by."""

    content: Path = FILES.setting(
        REQUIRED,
        "The source: the picture, clip or folder of pictures that was painted.",
        metavar="FILE|FOLDER",
    )
    style: Path | None = FILES.setting(
        None,
        "The painting, or the folder of paintings; also measures the distance from "
        "the style.",
        short="s",
        metavar="FILE|FOLDER",
    )
    frames: tuple[int, int | None] = SIZE.setting(
        (0, None),
        "The content's frames that the result shows, counted from 0.",
        check=check_frames,
        parser=parse_range,
        metavar="A:B",
        default_text="all",
    )
    network: NetworkName | None = NETWORK.setting(
        None,
        "Network that computes the features for distances and FID.",
        default_text="slim; for FID, Inception v3 if its weights are available",
    )
    weights: Path | None = NETWORK.setting(
        None,
        "Weights to use instead of the built-in or published ones; they select the "
        "network if --network is not given.",
    )
    device: DeviceName = "auto"
