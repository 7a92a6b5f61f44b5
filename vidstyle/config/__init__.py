"""Every setting of a run is declared here, once: type, default, help and range.

Options, checks, the file of settings and the help come from the declarations, the
manifest stores the values, and nothing changes them once a run has begun.
"""

from vidstyle.config.encoding import CRF, EncodingConfig, EvolutionConfig, check_crf
from vidstyle.config.setting import MIN_SIDE, check_range
from vidstyle.config.style import (
    DEFAULT_LR,
    DeviceName,
    LrDecay,
    NetworkName,
    OptimizerName,
    PainterShape,
    Pooling,
    Precision,
    StyleConfig,
    StyleLoss,
    check_counts,
)
from vidstyle.config.values import (
    BACKGROUND,
    COLORS,
    LayerWeight,
    Region,
    block_of,
    check_mask_shape,
    parse_color,
)
from vidstyle.config.video import FOLDER_FPS, AlbumConfig, FlowQuality, VideoConfig

__all__ = [
    "BACKGROUND",
    "COLORS",
    "CRF",
    "DEFAULT_LR",
    "FOLDER_FPS",
    "MIN_SIDE",
    "AlbumConfig",
    "DeviceName",
    "EncodingConfig",
    "EvolutionConfig",
    "FlowQuality",
    "LayerWeight",
    "LrDecay",
    "NetworkName",
    "OptimizerName",
    "PainterShape",
    "Pooling",
    "Precision",
    "Region",
    "StyleConfig",
    "StyleLoss",
    "VideoConfig",
    "block_of",
    "check_counts",
    "check_crf",
    "check_mask_shape",
    "check_range",
    "parse_color",
]
