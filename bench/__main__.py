"""``python -m bench`` is the command ``w2vbench``."""

from w2vbench.bench.main import main

main()
