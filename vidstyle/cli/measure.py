"""``vidstyle measure``: how near a result is to its content and its painting."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli import options as o
from vidstyle.cli.report import Reporter, print_facts, reported_errors
from vidstyle.cli.request import Request
from vidstyle.measure import MeasureConfig


@o.add_options(MeasureConfig, hides=False)
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
        config = MeasureConfig(**values, device=device)
        if config.plot is not None:
            from vidstyle.images import check_outputs

            inputs = [result, config.content, config.style]
            check_outputs([config.plot], inputs=inputs, overwrite=overwrite)
        from vidstyle.measure.report import measure_result

        with Reporter(Request(quiet=quiet)) as reporter:
            facts, table = measure_result(result, config, reporter)
        print_facts(facts, table, as_json=json)
