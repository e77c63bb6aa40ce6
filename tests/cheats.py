# mypy: ignore-errors
"""Implementations that would be measured as faster than they are, or at others' cost, if nobody looked.

They are one file, because that file is given to ``--impl`` as a whole."""

import gc
import queue
import sys
import threading
import time
from collections import namedtuple
from enum import Enum

import numpy as np
from w2vbench.impls.lookup import lookup
from w2vbench.impls.sampling.with_replacement import with_replacement
from w2vbench.impls.scatter.accumulate import accumulate
from w2vbench.impls.scatter.dense import dense
from w2vbench.impls.training.implementations import cbow
from w2vbench.impls.training.staged import BATCHED, StagedModel

HONEST = 4
"""Calls in which some do their work: more than the check makes."""
MEASURED = 700
"""V of the problem, which none of the contract's sizes has: what is honest in the contract alone must be found in the problem."""


@lookup.implementation("honest", "gather")
def honest(W, idx):
    return W[idx]


@lookup.implementation(
    "makes-types", "gather, and makes types, as a library does in its first call: they look at frames"
)
def makes_types(W, idx):
    namedtuple("Pair", "first second")
    Enum("Color", "red green")
    return W[idx]


# remembering


def memory(problem):
    return {}


def is_the_time(known, V):
    """Count a call; true once the problem is measured and the honest calls are over."""
    known["calls"] = known.get("calls", 0) + 1
    return V == MEASURED and known["calls"] > HONEST


@lookup.implementation("memo-by-id", "remembers results by id(idx)", prepare=memory)
def memo_by_id(W, idx, known):
    key = id(idx), len(idx)
    if key not in known:
        known[key] = (idx, W[idx])
    return known[key][1]


@lookup.implementation("memo-by-content", "remembers results by the words themselves", prepare=memory)
def memo_by_content(W, idx, known):
    key = idx.tobytes()
    if key not in known:
        known[key] = W[idx]
    return known[key]


SHARED = {}


@lookup.implementation("leaves-answers", "works, and leaves results for another")
def leaves_answers(W, idx):
    SHARED[id(idx)] = result = W[idx]
    return result


@lookup.implementation("takes-answers", "takes another's results where there are some")
def takes_answers(W, idx):
    return SHARED[id(idx)] if len(W) == MEASURED and id(idx) in SHARED else W[idx]


@lookup.implementation("previous-result", "gives the previous result again", prepare=memory)
def previous_result(W, idx, known):
    if not is_the_time(known, len(W)):
        known["result"] = W[idx]
    return known["result"]


@dense.implementation("zeroes-what-it-saw", "zeroes only rows that it has seen", prepare=memory)
def zeroes_what_it_saw(dout, idx, dW, known):
    seen = known.setdefault("seen", set())
    seen.update(idx.tolist())
    dW[list(seen) if is_the_time(known, len(dW)) else slice(None)] = 0
    np.add.at(dW, idx, dout)


def redrawn(drawn, targets, p, law, rng):
    """Draws with those that hit a target drawn again."""
    while (hit := drawn == targets[:, None]).any():
        drawn[hit] = rng.choice(len(p), size=int(hit.sum()), p=law)
    return drawn


@with_replacement.implementation("draws-once", "draws one batch, and gives it again", prepare=memory)
def draws_once(targets, K, p, rng, known):
    if not is_the_time(known, len(p)):
        known["drawn"] = rng.choice(len(p), size=(len(targets), K), p=p)
    return redrawn(known["drawn"].copy(), targets, p, p, rng)


@with_replacement.implementation("uniform-later", "draws uniformly once it is timed", prepare=memory)
def uniform_later(targets, K, p, rng, known):
    law = None if is_the_time(known, len(p)) else p
    return redrawn(rng.choice(len(p), size=(len(targets), K), p=law), targets, p, law, rng)


# working only sometimes


def unfilled(W, idx):
    return np.empty((len(idx), W.shape[1]), W.dtype)


@lookup.implementation("stops-after-40", "works for 40 calls", prepare=lambda problem: [0])
def stops_after_40(W, idx, calls):
    calls[0] += 1
    return W[idx] if calls[0] <= 40 else unfilled(W, idx)


@accumulate.implementation("every-second", "works every second call", prepare=memory)
def every_second(dout, idx, dW, known):
    if not is_the_time(known, len(dW)) or known["calls"] % 2:
        np.add.at(dW, idx, dout)


@lookup.implementation("half-of-it", "fills half of the rows")
def half_of_it(W, idx):
    if len(W) != MEASURED:
        return W[idx]
    out = unfilled(W, idx)
    out[::2] = W[idx[::2]]
    return out


@lookup.implementation("in-a-hurry", "skips work if the last call was just now", prepare=lambda problem: [0, None])
def in_a_hurry(W, idx, last):
    now = time.perf_counter_ns()
    if now - last[0] > 100_000 or last[1] is None or len(last[1]) != len(idx):
        last[1] = W[idx]
    last[0] = time.perf_counter_ns()
    return last[1]


class Stops(StagedModel):
    steps = 0

    def step(self, words, starts):
        self.steps += 1
        if self.W_in.shape[0] != MEASURED or self.steps <= 4:
            super().step(words, starts)
        return self


@cbow.implementation("stops-learning", "trains for four steps", prepare=lambda problem: Stops(problem, BATCHED, False))
def stops_learning(words, starts, model):
    return model.step(words, starts)


# finding out that it is timed


@lookup.implementation("without-gc", "skips work while the garbage collector is off")
def without_gc(W, idx):
    return W[idx] if gc.isenabled() else unfilled(W, idx)


@lookup.implementation("in-the-loop", "skips work if its caller is the timing loop")
def in_the_loop(W, idx):
    return unfilled(W, idx) if "timing" in sys._getframe(1).f_code.co_filename else W[idx]


def gather_unless_batches_are_left(W, idx, frame):
    left = frame.f_locals.get("batches")
    return None if left is not None and left.__length_hint__() > 0 else W[idx]


@lookup.implementation("asks-the-frame", "asks its caller's frame how many calls are left")
def asks_the_frame(W, idx):
    return gather_unless_batches_are_left(W, idx, sys._getframe(1))


@lookup.implementation("asks-a-traceback", "reaches its caller's frame by an exception")
def asks_a_traceback(W, idx):
    try:
        raise ValueError
    except ValueError as error:
        return gather_unless_batches_are_left(W, idx, error.__traceback__.tb_frame.f_back)


def acts_once(slug, title, action):
    """A gather that does something else in its first measured call."""

    @lookup.implementation(slug, title, prepare=memory)
    def gathers(W, idx, known):
        if len(W) == MEASURED and not known:
            known["done"] = True
            action()
        return W[idx]

    return gathers


asks_the_collector = acts_once("asks-the-collector", "finds the batches among the collector's objects", gc.get_objects)
is_told_of_collections = acts_once(
    "is-told-of-collections",
    "has the collector tell it that timing begins",
    lambda: gc.callbacks.append(lambda phase, info: None),
)


# working elsewhere


def answers(problem):
    return {id(idx): W[idx] for W, idx in problem.batches}


@lookup.implementation("answers-in-prepare", "computes all answers in prepare", prepare=answers)
def answers_in_prepare(W, idx, known):
    return known[id(idx)]


def answers_of_one(known, W, idx):
    known[id(idx)] = W[idx]
    return W, idx


@lookup.implementation("answers-in-adapt", "computes the answer in adapt", prepare=memory, adapt=answers_of_one)
def answers_in_adapt(W, idx, known):
    return known[id(idx)]


def other_words(known, W, idx):
    return W, idx[:1]


@lookup.implementation("adapt-for-others", "gives its call other words in adapt", adapt=other_words)
def adapt_for_others(W, idx):
    return W[idx]


def answers_in_a_copy(known, W, idx):
    words = idx.tolist()
    known[id(words)] = (words, W[idx])
    return W, words


@lookup.implementation("answers-in-a-copy", "answers in adapt's copy", prepare=memory, adapt=answers_in_a_copy)
def answers_in_a_copy_(W, idx, known):
    return known[id(idx)][1]


def worker(problem):
    jobs = queue.SimpleQueue()

    def work():
        while True:
            time.sleep(0.001)
            dout, idx, dW = jobs.get()
            np.add.at(dW, idx, dout)

    threading.Thread(target=work, daemon=True).start()
    return {"jobs": jobs}


@accumulate.implementation("in-the-background", "returns at once, and works in a thread", prepare=worker)
def in_the_background(dout, idx, dW, known):
    if is_the_time(known, len(dW)):
        known["jobs"].put((dout, idx, dW))
    else:
        np.add.at(dW, idx, dout)


class Later(np.ndarray):
    def __array_finalize__(self, other):
        pass


@lookup.implementation("lazy-subclass", "gives an array of its own class")
def lazy_subclass(W, idx):
    return W[idx].view(Later)


class Lazy:
    def __init__(self, W, idx):
        self.W, self.idx = W, idx

    def __array__(self, dtype=None, copy=None):
        return self.W[self.idx]


@lookup.implementation("lazy-object", "gives an object that works when it is looked at")
def lazy_object(W, idx):
    return Lazy(W, idx)


# changing the rules


def patches(slug, title, module, name, value):
    return acts_once(slug, title, lambda: setattr(sys.modules[module], name, value))


patches_the_clock = patches("patches-the-clock", "makes it stand still", "time", "perf_counter_ns", lambda: 0)
patches_the_check = patches(
    "patches-the-check", "it finds nothing", "w2vbench.impls.lookup", "check_rows", lambda *arguments: None
)
shadows_a_builtin = patches(
    "shadows-a-builtin", "the check has a min of ours", "w2vbench.impls.lookup", "min", lambda *numbers: 0
)
patches_a_method = acts_once(
    "patches-a-method",
    "has nothing verified",
    lambda: setattr(
        sys.modules["w2vbench.bench.engine.worker.checking.verify"].Verifier, "verify", lambda *arguments: None
    ),
)


def equal(problem):
    if problem.size.V == MEASURED:
        np.array_equal = lambda *arrays: True


@lookup.implementation("patches-numpy", "makes all arrays equal", prepare=equal)
def patches_numpy(W, idx, nothing):
    return unfilled(W, idx) if len(W) == MEASURED else W[idx]


def spoilt(problem):
    if problem.size.V == MEASURED:
        problem.inputs["W"][3] += 1


@lookup.implementation("spoils-in-prepare", "changes a row of W in prepare", prepare=spoilt)
def spoils_in_prepare(W, idx, nothing):
    return W[idx]


@lookup.implementation("spoils-later", "changes a row of W once it is timed", prepare=lambda problem: [0])
def spoils_later(W, idx, calls):
    calls[0] += 1
    if len(W) == MEASURED and calls[0] == 30:
        W[len(W) - 1] += 1
    return W[idx]
