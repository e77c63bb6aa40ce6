"""``python -m bench`` is the command ``w2vbench``."""

from bench.commands.main import main

main()
