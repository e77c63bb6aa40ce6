"""What the intrinsics gain over the same work as plain loops, which numba and LLVM vectorise: ``python -m tests.intrinsics [NAME…]``.

For each, a copy of ``impls`` is loaded whose function of that name is the plain one below. An implementation that uses it is timed
from both copies in turns, on the same batches and in one process.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from w2vbench.bench.engine.machine.process import pin
from w2vbench.impls.catalogue.discovery import from_copy
from w2vbench.impls.corpus.texts import builtin
from w2vbench.impls.interface.case import Size

from w2vbench import impls

ROUNDS, SAMPLE_S = 60, 0.002


@dataclass(frozen=True)
class Plain:
    """A function without intrinsics. file: where it is put in place of the one of its name. key, size: what is timed."""

    name: str
    file: str
    key: str
    size: str
    code: str


INTRINSICS = "compiling/intrinsics/"
USUAL = "H=100,B=100,K=5,f32,i64,zipf,t1"
PLAIN = (
    Plain("prefetch_row", f"{INTRINSICS}rows.py", "lookup/numba-prefetch", "V=1e6,H=100,B=1e3,f32,i64,uniform,t1", """
def prefetch_row(table, row):
    pass
"""),
    Plain("copy_row", f"{INTRINSICS}rows.py", "lookup/numba-prefetch", "V=1e5,H=100,B=1e3,f32,i64,zipf,t1", """
def copy_row(to, i, table, row):
    for j in range(table.shape[1]):
        to[i, j] = table[row, j]
"""),
    Plain("add_rows", f"{INTRINSICS}sums.py", "lookup.bag/numba-prefetch", f"V=1e5,{USUAL}", """
def add_rows(out, table, words):
    for i in range(len(words)):
        for j in range(len(out)):
            out[j] += table[words[i], j]
"""),
    Plain("product", f"{INTRINSICS}products.py", "output.softmax/numba", "V=1e4,H=100,B=32,f32,i64,zipf,t1", """
def product(out, A, X, way, add, ahead):
    for row in range(len(A)):
        if not add:
            for c in range(X.shape[1]):
                out[row, c] = 0
        for k in range(len(X)):
            for c in range(X.shape[1]):
                out[row, c] += A[row, k] * X[k, c]
"""),
    Plain("scores", f"{INTRINSICS}products.py", "output.negative-sampling/numba", f"V=1e5,{USUAL}", """
def scores(out, x, table, words, whole, rest):
    for k in range(len(words)):
        total = x.dtype.type(0)
        for j in range(len(x)):
            total += x[j] * table[words[k], j]
        out[k] = total
"""),
    Plain("gradients", f"{INTRINSICS}products.py", "output.negative-sampling/numba", f"V=1e5,{USUAL}", """
def gradients(dx, values, x, table, words, slopes, whole, rest, add, grow):
    if not add:
        for j in range(len(x)):
            dx[j] = 0
    for k in range(len(words)):
        for j in range(len(x)):
            dx[j] += slopes[k] * table[words[k], j]
            if len(grow):
                values[k, j] += slopes[k] * x[j]
            else:
                values[k, j] = slopes[k] * x[j]
"""),
    Plain("pair_scores", f"{INTRINSICS}shared_products.py", "output.shared-negatives/numba", f"V=1e5,{USUAL}", """
def pair_scores(out, x, pair, table, words, first, place, own, high, whole, rest):
    c, r = place
    for at in range(2):
        b = pair[at]
        if len(own):
            total = x.dtype.type(0)
            for j in range(x.shape[1]):
                total += x[b, j] * table[words[b], j]
            out[0, r + at] = total
        for k in range(len(high)):
            total = x.dtype.type(0)
            for j in range(x.shape[1]):
                total += x[b, j] * table[words[first + k], j]
            out[c + k, r + at] = total
"""),
    Plain("pair_gradients", f"{INTRINSICS}shared_products.py", "output.shared-negatives/numba", f"V=1e5,{USUAL}", """
def pair_gradients(dx, values, x, pair, table, words, first, slopes, place, own, high, whole, rest):
    c, r = place
    for at in range(2 if pair[0] != pair[1] else 1):
        b = pair[at]
        if len(own):
            for j in range(x.shape[1]):
                dx[b, j] = slopes[0, r + at] * table[words[b], j]
                values[b, j] = slopes[0, r + at] * x[b, j]
        for k in range(len(high)):
            for j in range(x.shape[1]):
                dx[b, j] += slopes[c + k, r + at] * table[words[first + k], j]
                values[first + k, j] += slopes[c + k, r + at] * x[b, j]
"""),
    Plain("logistic_losses", f"{INTRINSICS}losses.py", "output.negative-sampling/numba", f"V=1e5,{USUAL}", """
import numpy as np
def logistic_losses(scores, begin, end, scale):
    flat = scores.reshape(-1)
    loss, product = 0.0, 1.0
    for at in range(begin, end):
        x = flat[at]
        power = np.exp(-abs(x))
        share = (scores.dtype.type(1) if x > 0 else power) / (1 + power)
        loss += max(x, 0)
        product *= 1 + power
        flat[at] = scale * share
    return loss, product
"""),
    Plain("softmax_losses", f"{INTRINSICS}losses.py", "output.sampled-softmax/numba", f"V=1e5,{USUAL}", """
import numpy as np
def softmax_losses(scores, scale):
    loss, product = 0.0, 1.0
    for c in range(scores.shape[1]):
        top = scores[0, c]
        for k in range(len(scores)):
            top = max(top, scores[k, c])
        loss += top - scores[0, c]
        total = scores.dtype.type(0)
        for k in range(len(scores)):
            scores[k, c] = np.exp(scores[k, c] - top)
            total += scores[k, c]
        for k in range(len(scores)):
            scores[k, c] *= scale / total
        scores[0, c] -= scale
        product *= total
    return loss, product
"""),
    Plain("raise_tops", f"{INTRINSICS}losses.py", "output.softmax/numba", "V=1e4,H=100,B=32,f32,i64,zipf,t1", """
def raise_tops(tops, scores):
    for k in range(len(scores)):
        for c in range(len(tops)):
            tops[c] = max(tops[c], scores[k, c])
"""),
    Plain("add_powers", f"{INTRINSICS}losses.py", "output.softmax/numba", "V=1e4,H=100,B=32,f32,i64,zipf,t1", """
import numpy as np
def add_powers(totals, scores, tops):
    for k in range(len(scores)):
        for c in range(len(tops)):
            scores[k, c] = np.exp(scores[k, c] - tops[c])
            totals[c] += scores[k, c]
"""),
    *(Plain(f"the steps of {key}", "training/compiled.py", f"{key}/numba", "V=1e4,H=100,B=300,K=5,f32,i32,zipf,t1", """
def one_line(words, first, last, alpha, trains, rules, own):
    keep, aliases, least, window, skip_gram, centres, pairs, units = rules
    tables, copies, state, line, rows, targets, slopes, addresses, means = own
    W_in, W_out, mean, move = tables[0], tables[1], means[0], means[1]
    H = W_in.shape[1]
    length, learnt = subsample(words, first, last, keep, state, line), 0
    for centre in range(length):
        low, high = window_of(centre, length, least, window, state)
        learnt += high - low - 1
        if not trains or length < 2:
            continue
        for j in range(H):
            mean[j] = 0
        for at in range(low, high):
            if at != centre:
                for j in range(H):
                    mean[j] += W_in[line[at], j]
        for j in range(H):
            mean[j] /= high - low - 1
        negatives = targets[0]
        for k in range(len(pairs)):
            word = np.uint64(line[centre])
            while k and word == np.uint64(line[centre]):
                word = draw(state, aliases)
            negatives[k] = np.int64(word)
        for at in range(low, high):
            if at == centre:
                continue
            row = W_in[line[at]] if len(skip_gram) else mean
            for j in range(H):
                move[j] = 0
            for k in range(len(pairs)):
                other, score = W_out[negatives[k]], np.float32(0)
                for j in range(H):
                    score += row[j] * other[j]
                slope = alpha * (np.float32(k == 0) - np.float32(1) / (np.float32(1) + np.exp(-score)))
                for j in range(H):
                    move[j] += slope * other[j]
                    other[j] += slope * row[j]
            if len(skip_gram):
                for j in range(H):
                    row[j] += move[j]
            else:
                for i in range(low, high):
                    if i != centre:
                        for j in range(H):
                            W_in[line[i], j] += move[j]
                break
    return learnt
""") for key in ("training.skip-gram", "training.cbow")),
)  # fmt: skip


def main(names: list[str]) -> None:
    pin(1)
    corpus, rng = builtin(), np.random.default_rng(0)
    for at, plain in enumerate(PLAIN):
        if names and plain.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "impls"
            shutil.copytree(Path(impls.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
            with (copy / plain.file).open("a", encoding="utf-8") as file:
                file.write(plain.code)
            ours, theirs = (
                next(one for one in from_copy(place, f"copy_{at}_{side}") if one.key == plain.key)
                for side, place in (("ours", Path(impls.__file__).parent), ("plain", copy))
            )
            size = Size.parse(plain.size)
            problem = ours.kernel.make(size, corpus, rng)
            started = [one.start(problem) for one in (ours, theirs)]
            times: list[list[float]] = [[], []]
            calls = 1
            for _ in range(2 + ROUNDS):
                first = int(rng.integers(len(problem.batches)))
                for side in rng.permutation(2):
                    function, last = started[side]
                    began = time.perf_counter()
                    for call in range(calls):
                        function(*problem.batches[(first + call) % len(problem.batches)], *last)
                    times[side].append((time.perf_counter() - began) / calls)
                    problem.reset()
                calls = max(1, int(SAMPLE_S / min(min(one) for one in times)))
            logs = np.log(np.array(times[1][2:]) / times[0][2:])
            low, middle, high = np.exp(np.percentile(logs, (25, 50, 75)))
            print(f"{plain.name:<32} {plain.key} at {size}: {middle:.2f}× ({low:.2f}–{high:.2f})", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
