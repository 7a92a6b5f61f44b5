"""Quality metrics of a stylized picture, a clip, or sets of pictures."""

from dataclasses import dataclass
from pathlib import Path

from vidstyle.config import DeviceName, NetworkName
from vidstyle.config.setting import (
    FILES,
    NETWORK,
    REPORT,
    REQUIRED,
    SIZE,
    Config,
    parse_range,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureConfig(Config):
    """The references to compare a result with, and the network to compare it by."""

    content: Path = FILES.setting(
        REQUIRED,
        "The picture or the clip that it was painted from; or the folder of the "
        "pictures that a folder of results was.",
        metavar="FILE|FOLDER",
    )
    style: Path | None = FILES.setting(
        None,
        "Its painting, or the folder of the paintings; with it, the nearness to that "
        "is measured, too.",
        short="s",
        metavar="FILE|FOLDER",
    )
    frames: tuple[int, int | None] = SIZE.setting(
        (0, None),
        "The frames of the content that it shows, counted from 0.",
        parser=parse_range,
        metavar="A:B",
        default_text="all",
    )
    network: NetworkName | None = NETWORK.setting(
        None,
        "Computes the features for distances, and for FID.",
        default_text="slim; for FID Inception v3 where its weights are at hand",
    )
    weights: Path | None = NETWORK.setting(
        None,
        "Its weights, instead of the built-in or published ones; without --network, of "
        "whichever they fit. Inception v3's, by torchvision's names, are for FID.",
    )
    plot: Path | None = REPORT.setting(
        None, "Also draw what was measured of a clip over its time.", metavar="FILE.png"
    )
    device: DeviceName = "auto"
