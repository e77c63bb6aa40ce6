"""The command ``w2vbench``, also as ``python -m w2vbench``, whatever packages the current folder has."""

from __future__ import annotations

from .rooms import ours


def main() -> None:
    """Run the command."""
    with ours():
        from bench.commands.main import main as run

        run()


if __name__ == "__main__":
    main()
