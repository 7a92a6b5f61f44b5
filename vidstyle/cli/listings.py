"""The short commands: list, probe, status and finish of a run, measure, bench, ui."""

import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, print_facts, print_line
from vidstyle.cli.request import Request
from vidstyle.config import NetworkName, Precision, StyleConfig, VideoConfig
from vidstyle.config.setting import Config, setting
from vidstyle.config.toml_file import NAMES, named_painting, read_preset
from vidstyle.errors import DependencyError, counted
from vidstyle.measure import MeasureConfig
from vidstyle.ui import UiConfig

if TYPE_CHECKING:
    from vidstyle.networks import NetworkStatus

Fetch = Annotated[
    Literal["vgg16", "vgg19"] | None,
    typer.Option(
        "--fetch", metavar="vgg16|vgg19", help="Download this network's weights."
    ),
]


def networks(fetch: Fetch = None, json: o.Json = False, quiet: o.Quiet = False) -> None:
    """List the networks and where their weights are, or download weights."""
    from vidstyle.networks import fetch as fetch_weights
    from vidstyle.networks import network_status

    if fetch is not None:
        with Reporter(Request(quiet=quiet, json=json)) as reporter:
            path = fetch_weights(fetch, reporter)
        reporter.result(path)
        return
    statuses = network_status()
    facts = [asdict(status) for status in statuses]
    print_facts(facts, map(_line, statuses), as_json=json)


def _line(status: "NetworkStatus") -> str:
    place = "built in" if status.built_in else str(status.path)
    if not status.built_in and status.path is None:
        place = f"missing; --fetch {status.name} downloads {status.size_mb:.0f} MB"
    layers = f"{status.layers[0]}..{status.layers[-1]}"
    return f"{status.name:6}  {layers:16}  {place}"


def presets(json: o.Json = False) -> None:
    """List the presets; vidstyle video --preset NAME --show-config prints one."""
    listed = [read_preset(name) for name in NAMES]
    lines = [f"{preset.name:10}  {preset.summary}" for preset in listed]
    print_facts([asdict(preset) for preset in listed], lines, as_json=json)


@o.add_options(VideoConfig, only=("input_fps", "background"), hides=False)
def probe(clip: o.Clip, *, json: o.Json = False, **values: Any) -> None:
    """Show what vidstyle detects in a clip, and how it will read it.

    It reads the whole file once, because only that reveals a variable frame rate.
    """
    config = VideoConfig(**values)
    from vidstyle.video.describe import as_facts, as_lines
    from vidstyle.video.probe import probe as probe_clip

    info = probe_clip(clip, fps=config.input_fps, background=config.background)
    print_facts(as_facts(info), as_lines(info), as_json=json)


Run = Annotated[
    Path,
    typer.Argument(
        help="The result's path, or its work directory RESULT.vidstyle.",
        metavar="RUN",
        readable=False,
    ),
]


def status(run: Run, json: o.Json = False) -> None:
    """Show the progress of an unfinished run."""
    from vidstyle.clip.unfinished import video_status

    found = video_status(run)
    count = counted(found.painted, "frame")
    if found.frames is not None:
        count = f"{found.painted} of about {counted(found.frames, 'frame')}"
    lines = [f"{count} painted for {found.output}"]
    if found.process is not None:
        lines += [f"process {found.process} is working on it"]
    else:
        program, *rest = found.command
        is_ours = Path(program).stem in {"vidstyle", "__main__"}
        command = ["vidstyle", *rest] if is_ours else ["python", program, *rest]
        lines += ["no process is working on it; to resume:", shlex.join(command)]
    if found.newest is not None:
        lines += [f"newest frame: {found.newest}"]
    print_facts(asdict(found), lines, as_json=json)


def finish(
    run: Run,
    output: Annotated[str | None, o.option_of(Request, "output")] = None,
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Make a clip of the frames that an unfinished run has painted so far.

    Its sound ends with the last frame. You can still resume the run with its own
    command; add --overwrite if this clip has taken the result's place.
    """
    from vidstyle.clip.unfinished import finish_video, video_status

    request = Request(output=output, quiet=quiet, json=json)
    path = request.output_for(video_status(run).output, may_be_frames=True)
    with Reporter(request) as reporter:
        result = finish_video(run, path, overwrite=overwrite, listener=reporter)
    reporter.result(result.output, frames=result.frames)


@o.add_options(MeasureConfig, hides=False)
def measure(
    result: Annotated[
        Path,
        typer.Argument(
            help="A painted picture or clip (best as -o FOLDER, which is lossless), or "
            "a folder of painted pictures.",
            metavar="RESULT",
            readable=False,
        ),
    ],
    *,
    device: o.Device = "auto",
    json: o.Json = False,
    quiet: o.Quiet = False,
    **values: Any,
) -> None:
    """Measure a result's flicker and its distance from content and painting.

    The same measures of the content itself are shown next to the result's.

    MSE is of pixel values in [0, 1], with the painting stretched to the result; SSIM is
    of luma; distances are relative errors of features and Gram matrices. For a clip
    they are means over its frames; drift is the last frame's value divided by the
    second's.

    Folders of unrelated pictures are compared as sets, by the FID of the features that
    the table names; index.png is ignored.
    """
    if values["style"] is not None:
        values["style"] = named_painting(values["style"])
    config = MeasureConfig(**values, device=device)
    from vidstyle.measure.report import measure_result

    with Reporter(Request(quiet=quiet)) as reporter:
        facts, table = measure_result(result, config, reporter)
    print_facts(facts, table, as_json=json)


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """Parse ``320x180,640x360`` as widths and heights."""
    sizes = []
    for item in text.split(","):
        width, _, height = item.strip().partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise ValueError(f"{item!r} is not a size such as 320x180")
        sizes.append((int(width), int(height)))
    return sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest(Config):
    """Options of ``vidstyle bench``."""

    sizes: Any = setting(
        "320x180,640x360",
        "Picture sizes in pixels.",
        parser=parse_sizes,
        metavar="WxH,...",
    )
    batch: int = setting(1, "Batch size to compare with single pictures.")
    steps: int = setting(30, "Steps timed; the median is reported.")


@o.add_options(BenchRequest, hides=False)
def bench(
    *,
    network: Annotated[NetworkName, o.option_of(StyleConfig, "network")] = "slim",
    device: o.Device = "auto",
    precision: Annotated[Precision, o.option_of(StyleConfig, "precision")] = "auto",
    json: o.Json = False,
    **values: Any,
) -> None:
    """Time optimization steps and compare them with the machine's peak rate.

    Evaluation: the share of a step spent on losses and gradients; the rest is the
    optimizer's.

    GFLOP/s: floating-point rate of the convolutions, forward and backward, over whole
    steps.

    Ceiling: the rate of a large matrix product in the same process and threads.

    N x 1: the speedup of a batch over its pictures one by one.

    --json also counts a step's compute operations (without views) and its reads by the
    host; these are the same on any device.
    """
    from vidstyle.bench import Bench, as_table

    with Reporter(Request()) as reporter:
        timed = Bench(
            **values,
            network=network,
            device=device,
            precision=precision,
            listener=reporter,
        )
    facts, rates = timed.facts(), timed.rates()
    if json:
        facts["rates"] = [asdict(rate) for rate in rates]
    print_facts(facts, as_table(facts, rates), as_json=json)


@o.add_options(UiConfig, hides=False)
def ui(**values: Any) -> None:
    r"""Paint from a page in your browser; press Ctrl-C to stop.

    It needs Gradio: pip install "vidstyle\[ui]". Runs are painted one at a time, and
    unfinished ones resume when you start it again. Set the password for other machines
    in VIDSTYLE_UI_PASSWORD; the connection is not encrypted unless you add a proxy.
    """
    config = UiConfig(**values)
    try:
        from vidstyle.ui.server import serve
    except ImportError as err:
        if (err.name or "").partition(".")[0] != "gradio":
            raise
        raise DependencyError(
            f"cannot load Gradio, which the web page needs ({err}); install it with "
            'pip install "vidstyle[ui]".'
        ) from err
    password = os.environ.get("VIDSTYLE_UI_PASSWORD", "")
    serve(
        config,
        password=password,
        announce=lambda url: print_line(f"vidstyle is at {url}; press Ctrl-C to stop"),
    )
