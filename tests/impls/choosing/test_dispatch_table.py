"""The table's file: it reads as it was written, and what is no table, or holds for something else, is refused in a line."""

from __future__ import annotations

import os
import pickle
import platform
import re
import subprocess
import sys
import sysconfig
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from w2vbench.impls.choosing import dispatch_table
from w2vbench.impls.choosing.dispatch_table import DispatchTable, KernelTimes, TableError, load, read, text_of, write
from w2vbench.impls.choosing.fingerprint import blas, fingerprint, named_by_macos, named_in, python_version
from w2vbench.impls.interface.case import Size

import w2vbench
from tests.processes import ROOT

SIZE = Size(1000, 50, 10)
TIMES = KernelTimes(("gather", "numba"), {SIZE: {"gather": 2e-6, "numba": 5e-7}})
TABLE = DispatchTable({"lookup": TIMES, "scatter.dense": TIMES}, made="by w2vbench tune")


def test_a_table_reads_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "dispatch.toml"
    write(TABLE, file)
    assert load(file) == TABLE
    assert load(file).choose("lookup", SIZE) == "numba"
    assert '"V=1e3,H=50,B=10,f32,i64,zipf,t1" = { "gather" = 2.000e-06, "numba" = 5.000e-07 }' in file.read_text()
    assert list(file.parent.iterdir()) == [file]


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=5), st.text(max_size=40))
def test_any_text_of_a_machine_reads_as_it_was_written(machine: dict[str, str], made: str) -> None:
    import tomllib

    table = DispatchTable({"lookup": TIMES}, machine, made)
    text = text_of(table)
    if all(part.encode("utf-8", "replace").decode() == part for part in (*machine, *machine.values(), made)):
        assert dispatch_table.parse(tomllib.loads(text)) == table


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"numba": "0.1.0"}, f"numba is {fingerprint()['numba']}, not 0.1.0"),
        ({"cpu": "Abacus"}, f"CPU is {fingerprint()['cpu']}, not Abacus"),
        ({"numpy": ""}, f"numpy is {fingerprint()['numpy']}, not absent"),
        ({"numba's settings": "NUMBA_OPT=0"}, "numba's settings are absent, not NUMBA_OPT=0"),
        ({"implementations": "000000000000"}, "the implementations' code is another"),
    ],
)
def test_a_table_from_elsewhere_is_refused_with_what_differs(change: dict[str, str], what: str, tmp_path: Path) -> None:
    file = tmp_path / "dispatch.toml"
    write(DispatchTable({"lookup": TIMES}, {**fingerprint(), **change}), file)
    with pytest.raises(TableError) as raised:
        w2vbench.best("lookup", V=10, table=file)
    message = str(raised.value)
    assert what in message
    assert "\n" not in message
    assert "anyway=True" in message
    assert w2vbench.best("lookup", V=10, table=file, anyway=True).slug() == "numba"


def test_settings_of_numba_are_part_of_the_machine(tmp_path: Path) -> None:
    script = 'from w2vbench.impls.choosing.fingerprint import fingerprint; print(fingerprint()["numba\'s settings"])'
    environment = {**os.environ, "NUMBA_OPT": "1", "NUMBA_CPU_NAME": "generic"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "NUMBA_CPU_NAME=generic NUMBA_OPT=1"


SCIPYS = {"user_api": "blas", "internal_api": "openblas", "version": "0.3.30", "filepath": "/scipy.libs/a.so"}
NUMPYS = {"user_api": "blas", "internal_api": "blis", "version": "2.0", "filepath": "/numpy.libs/b.so"}
OPENMP = {"user_api": "openmp", "internal_api": "openmp", "version": None, "filepath": "/numpy.libs/c.so"}


@pytest.mark.parametrize(
    ("loaded", "named"),
    [
        ([OPENMP, SCIPYS, {**NUMPYS, "architecture": "zen"}], "blis 2.0, kernels for zen"),
        ([OPENMP, SCIPYS, NUMPYS], "blis 2.0"),  # threadpoolctl names no architecture of some
        ([SCIPYS, {**NUMPYS, "architecture": None}], "blis 2.0"),
        ([{**SCIPYS, "filepath": None}], "openblas 0.3.30"),
        ([OPENMP], ""),
    ],
)
def test_the_blas_is_numpys_and_what_is_not_known_of_it_is_left_out(
    loaded: list[dict[str, str | None]], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: loaded)
    assert blas() == named


def test_without_a_table_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2VBENCH_TABLE", str(tmp_path / "none.toml"))
    with pytest.raises(
        w2vbench.TableError, match=r"^no dispatch table: run w2vbench tune --kernel lookup \(or pass table"
    ):
        w2vbench.best("lookup", V=10)
    with pytest.raises(
        w2vbench.TableError, match=r"^no dispatch table: run .* --kernel update\.sgd --out 'a b\.toml' \("
    ):
        w2vbench.dispatch("update.sgd", table="a b.toml")


def test_a_table_error_is_one_traceback_of_a_public_class(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("nonsense")
    (tmp_path / "other.toml").write_text("format = 2")
    for name in ("none.toml", "bad.toml", "other.toml", "."):
        with pytest.raises(w2vbench.TableError) as raised:
            w2vbench.best("lookup", V=10, table=tmp_path / name)
        lines = traceback.format_exception(raised.value)
        assert sum(line.startswith("Traceback") for line in lines) == 1
        assert lines[-1].startswith("w2vbench.TableError: ")
    assert pickle.loads(pickle.dumps(raised.value)).args == raised.value.args


def test_a_table_that_is_written_anew_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "dispatch.toml"
    monkeypatch.setenv("W2VBENCH_TABLE", str(file))
    for at, slug in enumerate(("gather", "numba")):
        write(DispatchTable({"lookup": KernelTimes((slug,), {SIZE: {slug: 1e-6}})}), file)
        os.utime(file, (at, at))
        assert w2vbench.best("lookup", V=10).slug() == slug


LINE = '"V=1e3,H=50,B=10,f32,i64,zipf,t1" = { "gather" = 2.000e-06, "numba" = 5.000e-07 }'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format = 1", ""),
        ("format = 1", "format = 2"),
        ("format = 1", "format = [[["),
        ("2.000e-06", '"2"'),
        ("2.000e-06", "nan"),
        ("2.000e-06", "inf"),
        ("2.000e-06", "-1.0"),
        ("2.000e-06", "true"),
        ("2.000e-06", "0.0"),
        ("2.000e-06", "[1.0]"),
        (LINE, '"V=1e3" = { "gather" = 1e-6 }'),
        (LINE, '"V=1e3,H=50,B=10,f32,i64,zipf,t1" = 3'),
        (LINE, '"V=1e3,H=50,B=10,f32,i64,zipf,t1" = {}'),
        (LINE, '"V=1e3,H=50,B=10,f32,i64,zipf,t1" = { "other" = 1e-6 }'),
        ('["gather", "numba"]', "[]"),
        ('["gather", "numba"]', '["gather", 3]'),
        ('["gather", "numba"]', '["../x", "gather", "numba"]'),
        ("[machine]", "[machines]"),
        (f'"numpy" = "{fingerprint()["numpy"]}"', '"numpy" = 2'),
        ("# Seconds", "\x00"),
        ("# Seconds", "a = " + "[" * 3000),
    ],
)
def test_what_is_no_table_is_refused_in_a_line(old: str, new: str, tmp_path: Path) -> None:
    text = text_of(TABLE)
    assert old in text
    file = tmp_path / "dispatch.toml"
    file.write_text(text.replace(old, new))
    with pytest.raises(TableError, match=re.escape(str(file))) as raised:
        read(file)
    assert len(str(raised.value).splitlines()) == 1
    assert len(str(raised.value)) < len(str(file)) + 300


def test_other_files_are_refused_in_a_line(tmp_path: Path) -> None:
    for name, content in (("empty", b""), ("binary", bytes(range(256))), ("large", b"#" * (9 << 20))):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(TableError, match=re.escape(str(file))):
            read(file)
    with pytest.raises(TableError, match=re.escape(str(tmp_path))):
        read(tmp_path)


def test_without_a_home_folder_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("W2VBENCH_TABLE", raising=False)
    monkeypatch.setattr(dispatch_table, "cache_home", homeless)
    with pytest.raises(w2vbench.TableError, match=r"this user has no home: name a file in \$W2VBENCH_TABLE"):
        w2vbench.best("lookup", V=10)


X86 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n"
ARM = "processor\t: {}\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: {}\n\n"


def test_another_cpu_has_another_name() -> None:
    assert named_in(X86.splitlines()) == "AMD EPYC"
    graviton, small_and_large = (
        "".join(ARM.format(at, part) for at, part in enumerate(parts)).splitlines()
        for parts in (("0xd0c", "0xd0c"), ("0xd41", "0xd05", "0xd05"))
    )
    assert named_in(graviton) == "CPU 0x41 0xd0c"
    assert named_in(small_and_large) == "CPU 0x41 0xd05, 0x41 0xd41"
    assert named_in([]) == named_in(["processor : 0"]) == ""


def test_macos_names_its_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def sysctl(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        assert command[1:] == ["-n", "machdep.cpu.brand_string"]
        return subprocess.CompletedProcess(command, 0, "Apple M2\n", "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", sysctl)
    assert named_by_macos() == "Apple M2"
    monkeypatch.setattr(sys, "platform", "linux")
    assert named_by_macos() == ""


@pytest.mark.parametrize(("disabled", "letter"), [(1, "t"), (0, ""), (None, "")])
def test_a_build_without_the_global_lock_is_another_python(
    monkeypatch: pytest.MonkeyPatch, disabled: int | None, letter: str
) -> None:
    monkeypatch.setattr(sysconfig, "get_config_var", {"Py_GIL_DISABLED": disabled}.get)
    assert python_version() == platform.python_version() + letter
