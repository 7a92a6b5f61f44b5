"""Entry point: reports Ctrl-C in one line even while modules are being imported."""

import signal
import sys


def main() -> None:
    try:
        from vidstyle.cli import run
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written.\n")
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    else:
        run()


if __name__ == "__main__":
    main()
