"""A worker process, started as a script by its path: the engine's, with what plans add to it."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # import this program, wherever it is, and nothing by the names of files in this folder
    sys.path[0] = next(
        str(at) for at in Path(__file__).resolve().parents if (at / "w2vbench" / "__init__.py").is_file()
    )

    from w2vbench.bench.engine.worker.worker import main
    from w2vbench.bench.plans.book import registration  # noqa: F401

    main()
