"""``python -m udfrunner``: the command line."""

from ._command import main

main()
