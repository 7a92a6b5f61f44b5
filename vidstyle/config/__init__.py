"""Every setting of a run: its default, meaning, unit and range exist once, here.

The command line reads its defaults from these classes, the manifest stores them, and
nothing changes them once a run has begun.
"""

from vidstyle.config.album import AlbumConfig
from vidstyle.config.checks import MIN_SIDE, check_choice, check_range
from vidstyle.config.colors import BACKGROUND, COLORS, parse_color
from vidstyle.config.encoding import CRF, CodecName, CrfRange, EncodingConfig, check_crf
from vidstyle.config.evolution import EvolutionConfig
from vidstyle.config.layers import LayerWeight, block_of, check_layers, equal_layers
from vidstyle.config.style import (
    DEFAULT_LR,
    Balance,
    DeviceName,
    Init,
    KeepColor,
    LossScale,
    LrDecay,
    NetworkName,
    OptimizerName,
    Pooling,
    Region,
    StyleConfig,
    StyleLoss,
)
from vidstyle.config.training import TrainingConfig
from vidstyle.config.video import (
    FOLDER_FPS,
    FlowQuality,
    MaskMotion,
    NextInit,
    OutputSize,
    VideoConfig,
)

__all__ = [
    "BACKGROUND",
    "COLORS",
    "CRF",
    "DEFAULT_LR",
    "FOLDER_FPS",
    "MIN_SIDE",
    "AlbumConfig",
    "Balance",
    "CodecName",
    "CrfRange",
    "DeviceName",
    "EncodingConfig",
    "EvolutionConfig",
    "FlowQuality",
    "Init",
    "KeepColor",
    "LayerWeight",
    "LossScale",
    "LrDecay",
    "MaskMotion",
    "NetworkName",
    "NextInit",
    "OptimizerName",
    "OutputSize",
    "Pooling",
    "Region",
    "StyleConfig",
    "StyleLoss",
    "TrainingConfig",
    "VideoConfig",
    "block_of",
    "check_choice",
    "check_crf",
    "check_layers",
    "check_range",
    "equal_layers",
    "parse_color",
]
