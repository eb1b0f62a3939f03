"""``python -m udfrunner``: the command line."""

from .cli import main

main(prog_name="udfrunner")
