"""The entry of the command line, which imports the rest with signals handled."""

from __future__ import annotations

import os
import sys

from ._signals import Ended, handle


def main() -> None:
    """Run the command line. Ends the process with its exit status."""
    try:
        handle()
        from .cli import main as command

        command(prog_name="udfrunner")
    except Ended as ended:
        sys.stderr.write("udfrunner: interrupted\n")
        sys.exit(ended.status)
    except BrokenPipeError:  # whoever reads stdout went away, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
