"""``vidstyle measure``: how near a result is to its content and its painting."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, print_facts, reported_errors
from vidstyle.cli.request import Request
from vidstyle.config import NetworkName
from vidstyle.config.setting import (
    FILES,
    NETWORK,
    REPORT,
    REQUIRED,
    SIZE,
    Config,
)
from vidstyle.config.values import parse_range


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest(Config):
    """What is measured, against what."""

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


@o.add_options(MeasureRequest, hides=False)
def measure(
    result: Annotated[
        Path,
        typer.Argument(
            help="A painted picture, a painted clip (as -o FOLDER writes it, without "
            "loss), or a folder of painted pictures.",
            metavar="RESULT",
            readable=False,
        ),
    ],
    *,
    device: o.Device = "auto",
    overwrite: o.Overwrite = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
    **values: Any,
) -> None:
    """Measure how near a result is to its content and its painting, and its flicker.

    The content's own numbers, under the same measure, stand beside the result's.

    MSE is of pixel values in [0, 1], with the painting stretched to the result; SSIM is
    of luma; distances are relative errors of features and Gram matrices. Of a clip,
    they are means over its frames, and drift is the last frame's value by the second's.

    Folders of pictures that are no frames of a clip are compared as sets, by FID under
    features that the table names, and picture by picture: a result is called after its
    content, PICTURE.png, or after its painting, too, PICTURE.PAINTING.png, as vidstyle
    image calls it. What fits nothing is listed; index.png is left out.
    """
    with reported_errors():
        asked = MeasureRequest(**values)
        if asked.plot is not None:
            from vidstyle.images import check_outputs

            inputs = [result, asked.content, asked.style]
            check_outputs([asked.plot], inputs=inputs, overwrite=overwrite)
        from vidstyle.measure.report import measure_result

        with Reporter(Request(quiet=quiet)) as reporter:
            facts, table = measure_result(
                result, **values, device=device, listener=reporter
            )
        print_facts(facts, table, as_json=json)
