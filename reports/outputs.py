"""The outputs of a result file: page, Markdown and CSV. Each is made from the file alone."""

from __future__ import annotations

from pathlib import Path

from .compare import calibration
from .compare import page as comparison_page
from .deck import page as deck_page
from .file.files import write_texts
from .file.schema.result import ResultFile
from .others import releases_page, training_page
from .run import page


def report(result: ResultFile, folder: Path) -> list[Path]:
    """Write the outputs of a result file into a folder, and return their paths.

    - Of a run: ``index.html``, ``report.md`` and ``cases.csv``, and of a run of the deck ``deck.html``. Of another run, an earlier
      deck's page is removed: it would stand beside figures that are not its own.
    - Of a comparison: ``comparison.html`` and ``comparison.md``.
    - Of a package's releases: ``versions.html`` and ``versions.md``.
    - Of whole training runs: ``quality.html`` and ``quality.md``.
    - Of a calibration: ``calibration.md``.

    Raises
    ------
    ResultError
        If a file cannot be written.
    """
    if result.w2vbench.comparison:
        return comparison_page.report(result, folder)
    if result.w2vbench.releases:
        return releases_page.report(result, folder)
    if result.w2vbench.training:
        return training_page.report(result, folder)
    if result.w2vbench.calibration:
        return write_texts(folder, {"calibration.md": calibration.markdown(result.w2vbench.calibration)})
    texts = page.outputs(result)
    if deck_page.NAME not in texts:
        deck_page.remove(folder)
    return write_texts(folder, texts)
