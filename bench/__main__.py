"""``python -m bench`` is the command ``w2vbench``."""

from bench.commands.cli import main

main()
