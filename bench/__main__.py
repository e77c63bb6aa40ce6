"""``python -m bench`` is the command ``w2vbench``."""

from bench.cli import main

main()
