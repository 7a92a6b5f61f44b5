"""What ``import vidstyle`` offers, and what it does not wait for."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import vidstyle
from vidstyle import errors

pytestmark = pytest.mark.slow

# Seconds; the aim is half a second, but a busy machine must not fail the tests.
PATIENCE = 300

HEAVY = {"cv2", "imageio_ffmpeg", "torch", "torchvision"}

# Of ours, all that is loaded before a command is chosen.
LIGHT = {
    "vidstyle",
    "vidstyle.config",
    "vidstyle.config.parsers",
    "vidstyle.config.setting",
    "vidstyle.config.style",
    "vidstyle.config.toml_file",
    "vidstyle.config.video",
    "vidstyle.errors",
    "vidstyle.explore",
    "vidstyle.measure",
    "vidstyle.pace",
    "vidstyle.records",
    "vidstyle.ui",
}


def loaded_by(code: str) -> set[str]:
    """Run code in a new interpreter and list the modules that it has then."""
    script = (
        "import json, sys\n"
        "try:\n" + "".join(f"    {line}\n" for line in code.splitlines()) + "finally:\n"
        "    print(json.dumps(list(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stderr))


def test_public_names() -> None:
    assert vidstyle.__all__ == [
        "AlbumConfig",
        "AlbumResult",
        "ConfigError",
        "DependencyError",
        "DeviceMemoryError",
        "Download",
        "EncodingConfig",
        "Event",
        "EvolutionConfig",
        "FrameReport",
        "ImageOpenError",
        "InputError",
        "LayerWeight",
        "Listener",
        "Notice",
        "OptimizationError",
        "OutputError",
        "Plan",
        "Region",
        "StepReport",
        "StyleConfig",
        "Stylizer",
        "VideoConfig",
        "VideoOpenError",
        "VideoResult",
        "VideoStatus",
        "VideoWriteError",
        "VidstyleError",
        "WeightsError",
        "WorkDirError",
        "__version__",
        "finish_video",
        "preview_video",
        "stylize_album",
        "stylize_image",
        "stylize_video",
        "video_status",
    ]


@pytest.mark.parametrize("name", vidstyle.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(vidstyle, name) is not None
    assert name in dir(vidstyle)


def test_every_error_is_public() -> None:
    family = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.VidstyleError)
    }
    assert family <= set(vidstyle.__all__)
    assert vidstyle.ConfigError is errors.ConfigError


def test_version_is_that_of_the_package() -> None:
    assert vidstyle.__version__ == version("vidstyle")


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="'vidstyle' has no attribute 'stylise'"):
        vidstyle.stylise  # noqa: B018


@pytest.mark.parametrize(
    "code",
    [
        "import vidstyle.cli",
        "import vidstyle; vidstyle.VideoConfig, vidstyle.VidstyleError, vidstyle.Event",
        "sys.argv = ['vidstyle', '--help']\nfrom vidstyle.cli import app\napp()",
        "sys.argv = ['vidstyle', 'video', '-h']\nfrom vidstyle.cli import app\napp()",
        "sys.argv = ['vidstyle', '--version']\nfrom vidstyle.cli import app\napp()",
    ],
)
def test_nothing_heavy_is_loaded_early(code: str) -> None:
    modules = loaded_by(code)
    assert not HEAVY & modules
    ours = {name for name in modules if name.partition(".")[0] == "vidstyle"}
    assert "vidstyle" in ours
    assert {name for name in ours if not name.startswith("vidstyle.cli")} <= LIGHT


def test_running_something_loads_what_it_needs() -> None:
    # Otherwise the tests above would prove nothing.
    assert {"cv2", "torch"} <= loaded_by("import vidstyle.clip.pipeline")
