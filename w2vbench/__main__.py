"""The command ``w2vbench``, also as ``python -m w2vbench``."""

from __future__ import annotations


def main() -> None:
    """Run the command."""
    from .bench.main import main as run

    run()


if __name__ == "__main__":
    main()
