"""What the JAX implementations share: programs that are compiled before they are timed, and arrays on JAX's side.

A program is compiled for the shapes of a problem, as a part of set-up. Arrays get to JAX's side outside of the clock: those
that stay the same once, those of a batch by ``adapt``. JAX cannot change an array. A program that steps a table instead gets
it as a donation: XLA writes the new table over it, as it does in a training loop in JAX. Such a table stays on JAX's side
through the calls of a sample (``Table``). The kernel verifies the one that the last call returns, and the next sample begins
with the problem's own again.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np

from ..compiling.cache import cache_folder
from ..interface import Array, Problem
from ..interface.case import Size

ALIGNMENT = 64
"""XLA takes an array where it lies, if it begins at a multiple of this. Of any other, threads of JAX's make a copy."""


@cache
def jax_on(threads: int) -> Any:
    """Import JAX for this process's CPUs, with this number of threads, which JAX cannot change later.

    Programs run in the thread that calls them. By default, JAX hands some to another thread, which costs more than most
    programs where both have one CPU. Compiled programs are kept beside numba's, since each process of a run needs them.

    Raises
    ------
    ValueError
        If this process has JAX with another number of threads.
    """
    if jax_on.cache_info().currsize:
        raise ValueError(f"JAX has another number of threads in this process than {threads}: start another process")
    os.environ["PJRT_NPROC"] = str(threads)
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if not jax.config.jax_compilation_cache_dir and (folder := cache_folder(f"jax-{jax.__version__}")):
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return jax


Specs = tuple[tuple[tuple[int, ...], str], ...]
"""Shapes and dtypes of a program's arguments."""


@cache
def compiled(function: Callable[..., Any], specs: Specs, threads: int, donated: tuple[int, ...]) -> Any:
    """Compile a function of JAX arrays. It is compiled once a process: a forked child, without JAX's threads, could not."""
    jax = jax_on(threads)
    with jax.enable_x64(True):  # in a program only, since a user's own implementation may want JAX as it is
        arguments = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in specs]
        return jax.jit(function, donate_argnums=donated, keep_unused=True).lower(*arguments).compile()


def spec_of(shape: str, size: Size) -> tuple[tuple[int, ...], str]:
    """Return shape and dtype of an argument at a size, from its shape in ``Kernel.shapes``."""
    if shape in ("real", "whole"):
        return (), np.dtype(np.float64 if shape == "real" else np.int64).str
    lengths = {**dict(zip("VHBK", (size.V, size.H, size.B, size.K), strict=True)), "N": size.V - 1}
    dtype = size.index_type if shape.startswith("i") else np.dtype(np.float64 if "64" in shape else size.float_type)
    if shape == "i*":
        return (size.B * size.K,), dtype.str
    return tuple(lengths[letter] for letter in shape.removeprefix("i").removesuffix("64")), dtype.str


def copied(jax: Any, array: Array) -> Any:
    """Return a copy of an array on JAX's side. NumPy makes it, where JAX can take it."""
    raw = np.empty(array.nbytes + ALIGNMENT, np.uint8)
    first = -raw.ctypes.data % ALIGNMENT
    copy = raw[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return jax.device_put(copy)


def memory_of(array: Any) -> Array:
    """Return the memory of an array on JAX's side.

    JAX does not know of it: an array that JAX has shown to NumPy is copied before a program may write over it.
    """
    raw = (ctypes.c_char * array.nbytes).from_address(array.unsafe_buffer_pointer())
    return np.frombuffer(raw, array.dtype).reshape(array.shape)


@dataclass
class Table:
    """A table that programs step, on JAX's side: each step puts the new array in the old one's place."""

    array: Any = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.array, dtype)


@dataclass(frozen=True)
class Padded:
    """Rows, filled up to a fixed number: a program has one shape, and the rows of a gradient differ in number."""

    array: Any  # rows on JAX's side, (B, …)
    count: int  # how many of them there are

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.array, dtype)[: self.count]


@dataclass
class Program:
    """The workspace of a JAX implementation."""

    jax: Any  # the package
    # what is compiled, and the size of the problem
    function: Callable[..., Any]
    size: Size
    specs: Specs  # shapes and dtypes that it is compiled for
    kept: dict[int, tuple[Array, Any]]  # inputs that stay the same, by id, each with its copy on JAX's side
    tables: dict[int, Table]  # those that the program steps, by their positions among the arguments
    padded: tuple[int, ...]  # positions of arguments whose rows are filled up to B
    more: tuple[Any, ...] = ()  # further arguments of each call, on JAX's side
    # position of the words in bags, whose number is not always B times K; None where there are none
    bag_words: int | None = None
    run: Any = field(init=False)  # the compiled function
    numbers: dict[float, Any] = field(default_factory=dict)  # learning rates and step numbers, on JAX's side
    # whether a call has stepped the tables, so that the next sample must begin with the problem's again
    stale: bool = True

    def __post_init__(self) -> None:
        self.compile()

    def compile(self) -> None:
        self.run = compiled(self.function, self.specs, self.size.threads, tuple(self.tables))

    def fit(self, position: int, array: Any) -> None:
        """Compile the program again if an argument has another shape: there are other words in bags than B times K."""
        shape, dtype = self.specs[position]
        if array.shape != shape:
            self.specs = (*self.specs[:position], (array.shape, dtype), *self.specs[position + 1 :])
            self.compile()

    def load(self, position: int, array: Array) -> None:
        """Copy a table to JAX's side, into memory of JAX's own: it does not write into NumPy's, but into a copy of it.

        What the last sample left there is written over: new memory for each sample would cost more than most samples.
        """
        table = self.tables[position]
        if table.array is None:
            make = with_settings(zeros, shape=array.shape, dtype=array.dtype.str)
            table.array = compiled(make, (), self.size.threads, ())()
        np.copyto(memory_of(table.array), array)

    def adapted(self, position: int, part: Any) -> Any:
        """Return an argument in the program's form."""
        if position in self.tables:
            if self.stale:
                self.load(position, part)
            return self.tables[position]
        if id(part) in self.kept:
            return self.kept[id(part)][1]
        if isinstance(part, int | float):
            if part not in self.numbers:
                self.numbers[part] = copied(self.jax, np.array(part))
            return self.numbers[part]
        if not isinstance(part, np.ndarray):
            return part
        if position in self.padded:
            return Padded(copied(self.jax, self.fill_up(part)), len(part))
        return copied(self.jax, part)

    def fill_up(self, rows: Array) -> Array:
        """Return rows filled up to B: word ids by ids from V on, which no table has, and other rows by zeros."""
        missing = max(0, self.size.B - len(rows))
        filling = np.zeros((missing, *rows.shape[1:]), rows.dtype)
        if rows.ndim == 1:
            filling += np.arange(self.size.V, self.size.V + missing, dtype=rows.dtype)
        return np.concatenate([rows, filling])


def zeros(shape: tuple[int, ...], dtype: str) -> Any:
    """Return zeros in memory of XLA's own, by computing: a forked child, in which memory is measured, has no threads to copy with."""
    import jax.numpy as jnp

    return jnp.zeros(shape, dtype)


def program(
    function: Callable[..., Any],
    shapes: tuple[str, ...],
    *,
    tables: tuple[int, ...] = (),
    padded: tuple[int, ...] = (),
    more: Callable[[Problem], tuple[Array, ...]] = lambda problem: (),
    settings: Callable[[Problem], dict[str, Any]] = lambda problem: {},
) -> Callable[[Problem], Program]:
    """Return a ``prepare`` that compiles a function.

    Parameters
    ----------
    function
        Computes a call from JAX arrays, and returns JAX arrays. Tables come first in what it returns.
    shapes
        Shapes of its arguments, as in ``Kernel.shapes``.
    tables
        Positions of the arguments that it steps.
    padded
        Positions of the arguments whose rows are filled up to B.
    more
        ``more(problem)`` returns arrays that the program gets in each call, after the other arguments.
    settings
        ``settings(problem)`` returns arguments by name that are compiled into the program.
    """

    def prepare(problem: Problem) -> Program:
        size = problem.size
        jax = jax_on(size.threads)
        own = more(problem)
        specs = (*(spec_of(shape, size) for shape in shapes), *((array.shape, array.dtype.str) for array in own))
        same = () if tables else [array for array in problem.inputs.values() if isinstance(array, np.ndarray)]
        with jax.enable_x64(True):
            kept = {id(array): (array, copied(jax, array)) for array in same}
            on_side = tuple(copied(jax, array) for array in own)
        bound = with_settings(function, **settings(problem))
        bag_words = shapes.index("i*") if "i*" in shapes else None
        return Program(jax, bound, size, specs, kept, {at: Table() for at in tables}, padded, on_side, bag_words)

    return prepare


@cache
def with_settings(function: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """Return a function with some arguments set. It is the same one for the same settings, which is compiled once."""
    return partial(function, **settings)


def on_jax(program: Program, *batch: Any) -> tuple[Any, ...]:
    """An ``adapt``: copy arrays to JAX's side. Tables are copied for the first batch of a sample."""
    with program.jax.enable_x64(True):
        adapted = tuple(program.adapted(position, part) for position, part in enumerate(batch))
        if program.bag_words is not None:
            program.fit(program.bag_words, adapted[program.bag_words])
    if program.tables:
        program.stale = False
    return adapted


# what several programs share


def jax_add(dout: Any, idx: Any, dW: Any) -> Any:
    return dW.at[idx].add(dout)


def jax_bags(idx: Any, offsets: Any) -> Any:
    """Return the number of each word's bag, (N,)."""
    import jax.numpy as jnp

    lengths = jnp.diff(offsets, append=len(idx))
    return jnp.repeat(jnp.arange(len(offsets), dtype=offsets.dtype), lengths, total_repeat_length=len(idx))


def jax_gradients(loss: Callable[..., Any], h: Any, W_out: Any, *words: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    """Return ``loss(h, rows, …)`` of the rows of some words, its gradient of h, and that of W_out as rows and values."""
    import jax
    import jax.numpy as jnp

    with_gradients = jax.value_and_grad(loss, argnums=tuple(range(1 + len(words))))
    value, (dh, *values) = with_gradients(h, *(W_out[some] for some in words))
    all_words = jnp.concatenate([some.reshape(-1) for some in words])
    return value, dh, (all_words, jnp.concatenate([part.reshape(-1, h.shape[1]) for part in values]))


def jax_result(result: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    """Return a loss and its gradients once they are computed: a program's results are ready together."""
    result[0].block_until_ready()
    return result
