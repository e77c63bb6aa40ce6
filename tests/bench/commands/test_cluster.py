"""``w2vbench run --cluster`` with real Dask workers: two under addresses of their own on loopback, and one of another version.

``python -m tests.fleet_loopback`` does more, and takes longer.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.bench.commands.conftest import Ask
from tests.bench.commands.loopback import Loopback, another_version, entries, result_of, wait_for
from tests.processes import PATIENCE_S, ROOT, started

HOSTS = ("127.0.0.2", "127.0.0.3")
V_ = ("500", "600", "700", "800", "900", "1000", "1100")
CASES = f"run --kernel lookup --only *gather@* --vocab {' '.join(V_)} --hidden 8 --batch 10 --processes 1".split()
needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs Dask")


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    loopback = Loopback(tmp_path_factory.mktemp("loopback"))
    loopback.start_scheduler()
    for host in HOSTS:
        loopback.start_worker(host)
    yield loopback
    loopback.close()


@needs_dask
def test_neither_a_client_nor_a_machine_that_is_killed_in_the_middle_loses_anything(
    machines: Loopback, tmp_path: Path
) -> None:
    machines.start_worker("127.0.0.5", another_version(tmp_path / "other"))
    text = tmp_path / "text"  # the built-in one takes each process longer to read than all else
    text.write_text("the cat sat on the mat and the dog sat on the cat\n" * 200)
    command = [*CASES, "--corpus", str(text), "--cluster", machines.address, "--share-hosts"]
    with started(tmp_path, *command) as client:
        wait_for(tmp_path, 1)
        os.killpg(client.pid, signal.SIGKILL)
    before = entries(tmp_path)
    kept = {entry["problem"]: entry for entry in before}  # what was in doubt has two
    assert len(kept) < len(V_)
    with started(tmp_path, *command, "--resume") as resumed:
        wait_for(tmp_path, len(before) + 1)
        machines.kill(killed := machines.busiest())
        _, said = resumed.communicate(timeout=PATIENCE_S)
    assert resumed.returncode == 0, said
    assert re.search(r"\(127\.0\.0\.5:\d+\) is refused: its code of w2vbench is another", said)
    assert re.search(rf"\({re.escape(killed)}:\d+\) is gone", said)
    result = result_of(tmp_path)
    rows = {row.case: row.extra_info for row in result.benchmarks}
    assert result.w2vbench.complete
    assert len(rows) == 2 * len(V_)
    assert {len(extra.processes) for extra in rows.values()} == {1}
    for case in (case for entry in kept.values() if not entry["doubt"] for case in entry["cases"].values()):
        assert [one.wall_s for one in rows[case["case"]].processes] == [one["wall_s"] for one in case["samples"]]
    assert not entries(tmp_path)


@needs_dask
def test_an_address_without_a_scheduler_is_one_line(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    from w2vbench.bench.plans.cluster import connection

    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense", "tcp://", "ftp://example", ""):
        code, said = ask("run", "--cluster", address)
        assert code == 2
        assert said.count("\n") == 1
        assert "no Dask scheduler answers there" in said


@needs_dask
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["other", "silent"])
def test_an_address_where_something_else_answers_is_one_line_soon(
    answer: bytes, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from w2vbench.bench.plans.cluster import connection

    monkeypatch.setattr(connection, "CONNECT_S", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    taken[-1].sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        code, said = ask("run", "--cluster", f"tcp://127.0.0.1:{server.getsockname()[1]}")
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in taken:
            one.close()
    assert code == 2
    assert said.count("\n") == 1
    assert "no Dask scheduler answers there" in said


def test_without_dask_one_line_says_what_to_install(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("w2vbench.bench.commands.run_on_cluster.find_spec", lambda name: None)
    assert ask("run", "--cluster", "local") == (
        2,
        "w2vbench: --cluster needs Dask: pip install 'w2vbench[cluster]'\n",
    )


def test_distributed_is_imported_for_a_cluster_only() -> None:
    code = "import sys; from w2vbench.bench.main import app; import w2vbench.bench.plans.cluster.run; print('distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--share-hosts",), "none is given"),
        (("--cluster", "local", "--kernel", "nonsense"), "no kernel"),
    ],
)
def test_bad_options_are_one_line(options: tuple[str, ...], says: str, ask: Ask) -> None:
    code, said = ask("run", *options)
    assert code == 2
    assert says in said
