"""The source deck's story, slide by slide: what each slide claims, what stands beside it, and what one should have learnt.

Texts only. Names in braces are figures of a run, which ``facts.py`` works out; a sentence whose figures were not
measured is left out, and the page says so. Code stands in backticks.
"""

from __future__ import annotations

from .printed import ADD_AT, GATHER, LOOP, ONE_HOT
from .screens import ACCUMULATE, BATCH, BOOK, DENSE, DRAWS, FULL, LOOP_DENSE, ROWS, Screen, Side

ONE_HOT_SIDE = Side("One-hot × W", ONE_HOT)
SCREENS = (
    Screen(
        "4",
        "4",
        "Two products grow with the vocabulary",
        "Chapter 3’s word2vec has two bottlenecks. At the input, a one-hot vector is multiplied by `W_in`. At the "
        "output, `h` is multiplied by `W_out`, and softmax goes over all the scores. Section 4.1 cures the first, "
        "section 4.2 the second.",
        "Ask of each line how its cost grows with V. A program that is fast enough with a thousand words can be "
        "useless with a million.",
        (Side("MatMul, at the input", "MatMul.forward"), Side("Softmax, of V scores", "SoftmaxWithLoss.forward")),
        (
            "From V = 10,000 to V = 1,000,000, the one-hot product takes {one_hot_growth} as long here.{one_hot_caches}",
            "Full softmax (the product with `W_out`, softmax, and their gradients) takes {softmax_growth} as long.",
            "`TINY` keeps out the logarithm of 0, here and later.",
        ),
        chart="products",
    ),
    Screen(
        "5 and 6",
        "5–6",
        "One-hot × W reads the whole table to copy one row",
        "With V = 1,000,000 and H = 100, the input layer is (1 × V) · (V × H): O(V). The profile gives `dot` "
        "84,674 “ns” and no memory. Memory goes to making `W_in`, which happens once.",
        "A product with a one-hot vector copies one row and pays for all of them. And check a printed unit against "
        "what a machine can do: the profiler printed ticks of a microsecond.",
        (ONE_HOT_SIDE,),
        (
            "The table is {table}. Read in 84,674 ns, that would be {claimed_rate}; read in 84.7 ms it is "
            "{read_rate}, which fits a machine of 2019.",
            "Here the whole call takes {one_hot}: {one_hot_rate}. Its memory does not contradict the deck: `dot` allocates "
            "only its result, {result_bytes}; the {one_hot_bytes} are the one-hot row’s, made in a line of its own.",
        ),
        diagram="one-hot",
    ),
    Screen(
        "7 to 9",
        "7–9",
        "Take the row by its index",
        "The embedding layer picks rows: `W[2]`, or `W[np.array([1, 0, 3, 0])]` for a batch. In the same profile "
        "`[]` takes 8 “ns” where `dot` took 84,674: “a five-digit speed-up”, O(1) instead of O(V).",
        "The claim holds. But those 8 µs say little about `W[idx]`: they are one hit in whole ticks of 1 µs, with that "
        "profiler’s hook in them. A line profiler shows where time goes; time a short line without it.",
        (ONE_HOT_SIDE, Side("`W[idx]`", GATHER)),
        (
            "`W[idx]` takes {gather} here without a profiler; the profiler’s own hook alone costs about {hook} a hit.",
            "From V = 10,000 to V = 1,000,000 it takes {gather_growth} as long: however large the table, one row of it "
            "is read.",
        ),
        diagram="lookup",
    ),
    Screen(
        "10",
        "10",
        "Forward: keep idx, return W[idx]",
        "`Embedding.forward` keeps `idx` for the backward pass and returns `W[idx]`. It replaces MatMul with a "
        "one-hot input, and gives the same rows.",
        "The layer got simpler as it got faster: there is no one-hot array to build, to keep or to multiply.",
        (Side("Before: MatMul", "MatMul.forward"), Side("After: Embedding", "Embedding.forward")),
        (
            "At V = 1,000,000, the one-hot row alone takes {one_hot_bytes} for one word; `idx` takes 8 B.",
            "A call’s memory is what it allocates, and the one-hot row was made before MatMul’s call. Both calls allocate "
            "the row that they return; indexing by an array also needs working memory, whatever V is.",
            "`self.lookup` is `W[idx]`, unless a layer is given another implementation.",
        ),
        diagram="lookup",
    ),
    Screen(
        "11 and 12",
        "11–12",
        "The first backward is wrong",
        "First try: `dW[...] = 0; dW[idx] = dout`. Slide 12 then shows that it is wrong where `idx` repeats a "
        "word, since later rows overwrite earlier ones. Right is to add, in a loop over `idx`.",
        "A word used twice gets both gradients: where forward copies, backward adds. Test a backward pass with a "
        "repeated index; a batch of different words never shows this fault.",
        (
            Side("Slide 11: assign (wrong)", f"scatter.dense/assign@{BATCH}"),
            Side("Slide 12: add, in a loop", LOOP_DENSE),
        ),
        found=(
            "With 100 words and V = 100,000, a call of the right side takes {loop_dense} without a profiler. Remember its "
            "longest bar for the end: `dW[...] = 0`, {zeroing_share} of the time.",
        ),
        example="repeated",
        figures=False,
    ),
    Screen(
        "13",
        "13",
        "np.add.at against a Python loop",
        "10,000 indices. The loop’s two lines take 8,689 + 15,091 “ns”, and `np.add.at` 1,694 “ns”: 14 times faster.",
        "A profiler charges the loop for each of its 10,000 hits, and `np.add.at` for one: its ratio is not that of "
        "the calls. Profile to find the line; time without a profiler to compare.",
        (Side("Python loop", LOOP), Side("`np.add.at`", ADD_AT)),
        ("This is NumPy {numpy}. Since NumPy 1.25, `np.add.at` has a fast path for one-dimensional arrays.",),
        diagram="scatter.scalar",
    ),
    Screen(
        "",
        "13, rows",
        "Slide 13, on rows: what the layer really does",
        "The deck timed one number a word. The layer adds a whole row of H = 100 numbers for each word, 10,000 times.",
        "A speed-up belongs to the case that was measured. Measure the shapes that your program has.",
        (
            Side("Python loop", f"scatter.accumulate/loop@{ACCUMULATE}"),
            Side("`np.add.at`", f"scatter.accumulate/add-at@{ACCUMULATE}"),
        ),
        (
            "On rows, `np.add.at` {add_at_rows} here.",
            "Fastest measured with NumPy and SciPy: `{rows_numpy}`, {rows_numpy_s}. Fastest of all: `{rows_best}`, "
            "{rows_best_s}.",
        ),
        diagram="scatter",
    ),
    Screen(
        "14",
        "14",
        "The output layer scores every word",
        "With V = 1,000,000 and H = 100, `h` (1 × H) times `W_out` (H × V), then a softmax over V scores: both are "
        "O(V).",
        "Softmax needs all scores only to divide by their sum. Backward goes over the table again, and the gradient of "
        "`W_out` is a second table.",
        (Side("Full softmax", FULL),),
        (
            "One example takes {softmax} here, and {softmax_memory} at its peak.",
            "From V = 10,000 to V = 1,000,000, it takes {softmax_growth} as long.",
        ),
        diagram="output.softmax",
    ),
    Screen(
        "15 and 16",
        "15–16",
        "From “which word?” to “is it this word?”",
        "A yes-or-no question needs the target’s score only: sigmoid with cross-entropy. The author claims, “not "
        "confident”, that for two output neurons the softmax loss and this one coincide.",
        "Settled: with scores a for yes and b for no, the losses are equal for the score a − b, since softmax then "
        "is 1 / (1 + exp(−(a − b))). For a alone they are equal only where b = 0. One of two output neurons is "
        "redundant; a step on both moves a − b twice as far as a step on one score.",
        (Side("Softmax, of V scores", "SoftmaxWithLoss.forward"), Side("Sigmoid, of one", "SigmoidWithLoss.forward")),
        example="two-outputs",
    ),
    Screen(
        "17 to 20",
        "17–20",
        "EmbeddingDot: only the chosen rows",
        "Gather the target’s rows of `W_out`, stored as V × H, and take dot products: `sum(target_W * h, axis=1)`. "
        "Backward follows from MatMul’s `dx = dy · Wᵀ`, `dW = xᵀ · dy`: `dtarget_W = dout * h`, `dh = dout * "
        "target_W`.",
        "Derive a new layer’s backward from one that you trust, and then compare the two in numbers.",
        (
            Side("MatMul.backward", "MatMul.backward"),
            Side("EmbeddingDot.forward", "EmbeddingDot.forward"),
            Side("EmbeddingDot.backward", "EmbeddingDot.backward"),
        ),
        (
            "Compared with MatMul over all words, with V = {dots_V}, H = {dots_H} and a repeated word: scores differ "
            "by at most {dots_score}, `dh` by {dots_dh}, `dW` by {dots_table}.",
            "`self.embed.backward` zeroes a gradient as large as the table and then adds one row: EmbeddingDot’s backward "
            "still grows with V. That comes back at the end.",
        ),
        diagram="output",
    ),
    Screen(
        "21 and 22",
        "21–22",
        "Draw a few wrong words",
        "Negatives must be learnt too. All V of them would be O(V) again, so draw 5 or 10, by corpus frequency to "
        "the power 0.75. The power has no theory behind it and may be changed.",
        "Sampling is part of the step: the book’s call goes over all V probabilities for each target, so it is "
        "O(V) too. Make a table once, and a draw costs a search.",
        (
            Side("The book’s choice", f"sampling.without-replacement/choice-per-row@{DRAWS}"),
            Side("Running sums", f"sampling.without-replacement/cdf-redraw@{DRAWS}"),
        ),
        ("From V = 10,000 to V = 1,000,000, the book’s draws take {choice_growth} as long, the search {cdf_growth}.",),
        example="powers",
    ),
    Screen(
        "24",
        "24",
        "NegativeSamplingLoss: K + 1 scores instead of V",
        "One EmbeddingDot with SigmoidWithLoss for the target, and as many more as there are negatives. Forward "
        "sums the losses; backward adds the gradients up.",
        "Forward is cured: it reads K + 1 rows. But the longest bars of its profile zero and add whole tables. "
        "Count the whole layer, forward and backward, before you say what it saves.",
        (Side("Full softmax", FULL), Side("K + 1 layers", BOOK)),
        (
            "For one example, loss and gradients together: {softmax} by full softmax, {book} by the book’s layers. The "
            "two learn by different losses, so this compares costs only.",
            "The {book_kept} that set-up keeps are two gradients as large as the table, one for the sum. The book’s own "
            "layers keep K + 1.",
        ),
    ),
    Screen(
        "",
        "Gradients",
        "What the deck did not finish: dense gradients still grow with V",
        "Slide 11 remarks that dW has W’s shape only for the optimizer’s sake, and that (idx, dout) would be "
        "enough. The book’s K + 1 layers then zero and add K + 1 gradients of the size of the table, for a few "
        "rows.",
        "Negative sampling made forward independent of V. Backward became so only with gradients as rows and "
        "values: follow a cost through the whole step before you call it cured.",
        (Side("Dense gradient", DENSE), Side("Rows and values", ROWS)),
        (
            "From V = 10,000 to V = 1,000,000, the book’s layers take {book_growth} as long, and the same with rows "
            "{ns_rows_growth}.",
            "The book’s layers move {book_moved} for one example, to change {book_rows} rows of {row_bytes} each.",
        ),
        chart="gradients",
    ),
    Screen(
        "",
        "Whole step",
        "And then the optimizer goes over the table",
        "A dense gradient makes a dense step: the book’s Adam updates both moments and every row, whether a word "
        "came or not. The deck ends before it.",
        "After each speed-up, profile again: the bottleneck has moved. Lazy Adam is not Adam, since rows without a "
        "gradient stand still; it is the price of a step that does not depend on V.",
        (
            Side("The book’s Adam", f"update.adam/dense@{BATCH}"),
            Side("Lazy Adam, on rows", f"update.lazy-adam/rows@{BATCH}"),
        ),
        (
            "At V = 100,000, Adam’s step takes {adam}, lazy Adam’s {lazy}.",
            "What section 4.2 saves at the output, its sampler may take again: it goes over all V words for each target "
            "(slides 21 and 22).",
        ),
        example="stages",
        figures=False,
    ),
    Screen(
        "4 to 24",
        "All figures",
        "Every figure of the deck, and yours",
        "As printed, as it must be read, and as this machine has it.",
        "Ask how a cost grows. Test a backward pass with repeats. Distrust a printed unit. Profile to find the "
        "line, time without a profiler to compare, and profile again.",
        example="figures",
        figures=False,
    ),
)
