"""The settings of a run; each is declared once: type, default, help and range.

Options, validation, TOML files and help are derived from the declarations; the manifest
stores the values. Configurations are immutable.
"""

from vidstyle.config.parsers import LayerWeight as LayerWeight
from vidstyle.config.setting import BACKGROUND as BACKGROUND
from vidstyle.config.setting import COLORS as COLORS
from vidstyle.config.setting import MIN_SIDE as MIN_SIDE
from vidstyle.config.setting import check_range as check_range
from vidstyle.config.setting import parse_color as parse_color
from vidstyle.config.style import DEFAULT_LR as DEFAULT_LR
from vidstyle.config.style import DeviceName as DeviceName
from vidstyle.config.style import LrDecay as LrDecay
from vidstyle.config.style import NetworkName as NetworkName
from vidstyle.config.style import OptimizerName as OptimizerName
from vidstyle.config.style import PainterShape as PainterShape
from vidstyle.config.style import Pooling as Pooling
from vidstyle.config.style import Precision as Precision
from vidstyle.config.style import Region as Region
from vidstyle.config.style import StyleConfig as StyleConfig
from vidstyle.config.style import StyleLoss as StyleLoss
from vidstyle.config.style import check_counts as check_counts
from vidstyle.config.style import check_mask_shape as check_mask_shape
from vidstyle.config.video import CRF as CRF
from vidstyle.config.video import FOLDER_FPS as FOLDER_FPS
from vidstyle.config.video import AlbumConfig as AlbumConfig
from vidstyle.config.video import EncodingConfig as EncodingConfig
from vidstyle.config.video import EvolutionConfig as EvolutionConfig
from vidstyle.config.video import FlowQuality as FlowQuality
from vidstyle.config.video import VideoConfig as VideoConfig
from vidstyle.config.video import check_crf as check_crf
from vidstyle.config.video import check_frames as check_frames
