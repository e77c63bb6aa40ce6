"""Faults of what a class computes: each is known by what the mistake gives."""

from __future__ import annotations

from .fault import Fault

ADD = "write np.add.at(dW, self.idx, dout), or dW[word] += dout[i] in a loop"
MEAN = "divide by the batch size, once: by t.shape[0]"

VALUE = {
    # Embedding, EmbeddingDot, MatMul
    "assigned": Fault(
        "where a word repeats, a later gradient overwrites an earlier one: they must be added (slides 11 and 12). dW[idx] += dout does not add either",
        ADD,
        (r"\[(self\.idx|word\w*|idx|i|w)\]\s*\+?=", r"\]\s*\+?="),
    ),
    "added-n-times": Fault(
        "np.add.at already adds the gradients of all ids, and stands in a loop over them: each is added {n} times, once for each id of the batch",
        "write either the loop, with dW[word] += dout[i], or np.add.at(dW, self.idx, dout) without a loop",
        (r"np\.add\.at|\+=",),
    ),
    "mean-of-rows": Fault(
        "the gradients are divided by the batch size here: the loss layer has done that already",
        "add dout as it is",
        (r"/",),
    ),
    "only-last": Fault(
        "only the last id of the batch is used", "put the line into the loop: check its indentation", (r"\+=|=",)
    ),
    "only-first": Fault(
        "only the first id of the batch is used: the loop is left after its first pass",
        "take return out of the loop: check its indentation",
        (r"^\s*return", r"\+="),
    ),
    "dout-forgotten": Fault(
        "{what} is not multiplied by dout: the chain rule takes the gradient that comes from above times the local one",
        "multiply by dout{shaped}",
        (r"\b{what}\s*[+]?=", r"target_W\s*=", r"dx\s*=", r"return"),
    ),
    "factors-swapped": Fault(
        "the two factors are exchanged: the gradient of a product a · b with respect to a is dout · b, and to b it is dout · a",
        "write dtarget_W = dout * h and dh = dout * target_W",
        (r"\b{what}\s*=", r"dtarget_W\s*="),
    ),
    "all-pairs": Fault(
        "the scores are of every row of h with every word, ({B}, {B}), in place of each row with its own word, ({B},)",
        "multiply element by element and sum each row: np.sum(target_W * h, axis=1)",
        (r"np\.dot|@|matmul",),
    ),
    "wrong-axis": Fault(
        "the sum goes over the batch in place of each row's numbers", "sum with axis=1", (r"axis|sum\(",)
    ),
    "transposed": Fault("{what} is transposed", "exchange rows and columns: .T", (r"\.T|dot|@",)),
    # losses
    "not-averaged": Fault("{what} is the sum over the batch, not its mean", MEAN, (r"sum|return|loss|dx\s*=",)),
    "averaged-twice": Fault("{what} is divided by the batch size twice", MEAN, (r"/|mean",)),
    "sign": Fault("{what} has the wrong sign", "the loss is -log y, and its gradient y - t", (r"log|-|dx\s*=",)),
    "label-forgotten": Fault("{what} leaves out the answer t", "take it off: the gradient is y - t", (r"self\.y",)),
    "columns-swapped": Fault(
        "y and 1 - y are exchanged: the answer 1 then costs as much as 0 should",
        "write np.c_[1 - y, y]: column 0 is no, and column 1 is yes",
        (r"np\.c_|stack|concatenate", r"log"),
    ),
    "half-loss": Fault(
        "the loss has only one of its two terms: {which}",
        "add both: -(t log y + (1 - t) log(1 - y)), so that the answer no costs something too",
        (r"log|cross_entropy",),
    ),
    "overflow": Fault(
        "a score of {score} gives {got}: exp overflows",
        "subtract the largest score of each row before exp: x - x.max(axis=1, keepdims=True)",
        (r"exp",),
        remark=True,
    ),
    "one-hot-only": Fault(
        "it takes one-hot answers only; the book's takes word ids too",
        "use t.argmax(axis=1) if t has as many numbers as the scores",
        (r"argmax|self\.t",),
        remark=True,
    ),
    # sampling
    "target-drawn": Fault(
        "the target is among its own negatives: the same word is then told to be right and wrong",
        "set the target's probability to 0, and divide by the sum again: p[target[i]] = 0; p /= p.sum()",
        (r"choice|randint|searchsorted",),
    ),
    "ids-not-whole": Fault(
        "the negatives are {got}: numbers that are not whole cannot index W",
        "make the array with dtype=np.int32",
        (r"np\.(zeros|empty|ones)\(",),
    ),
    "outside-vocabulary": Fault(
        "the negatives are from {least} to {most}, and word ids from 0 to {last}",
        "draw from range(vocab_size)",
        (r"choice|randint|vocab_size",),
    ),
    "law-uniform": Fault(
        "all words are drawn equally often: the counts have no effect",
        "give np.random.choice p=, the counts to the power, divided by their sum",
        (r"choice|randint",),
    ),
    "law-power": Fault(
        "words are drawn in proportion to their counts: the power has no effect",
        "raise the counts to the power before you divide by their sum: np.power(p, power)",
        (r"power|\*\*|word_p",),
    ),
    "law-other": Fault(
        "words are not drawn by count ** power",
        "P'(w) = P(w) ** power / Σ P(w_j) ** power, over all words but the target (slide 22)",
        (r"choice|power|word_p",),
    ),
    "same-draws": Fault(
        "it draws the same negatives at every call",
        "do not set the seed inside, and draw in get_negative_sample, not in __init__",
        (r"seed|default_rng",),
    ),
    "negatives-repeat": Fault(
        "a row may have the same negative twice: the book draws without replacement on a CPU, and with replacement on a GPU",
        "keep it (word2vec itself does so), or use replace=False",
        (r"replace|choice|randint",),
        remark=True,
    ),
    # negative sampling and the models
    "negatives-labelled-yes": Fault(
        "the negatives are taught as right answers: their labels are 1",
        "use np.zeros(batch_size) for the negatives",
        (r"negative_label|zeros|ones",),
    ),
    "target-labelled-no": Fault(
        "the target is taught as a wrong answer: its label is 0",
        "use np.ones(batch_size) for the target",
        (r"correct_label|zeros|ones",),
    ),
    "labels-swapped": Fault(
        "the labels are exchanged: the target has 0 and the negatives have 1",
        "use np.ones(batch_size) for the target, and np.zeros(batch_size) for the negatives",
        (r"label|zeros|ones",),
    ),
    "layers-averaged": Fault(
        "{what} is the mean over the {n} layers, not their sum: every gradient is {n} times too small",
        "add the layers up, and do not divide",
        (r"/|mean",),
    ),
    "only-last-layer": Fault(
        "{what} is of the last layer only: it is overwritten in the loop, not added to", "write += in the loop", (r"=",)
    ),
    "only-first-layer": Fault(
        "{what} is of the first layer only (the target's): the others are left out",
        "add up all layers in the loop",
        (r"for |zip|\+=",),
    ),
    "contexts-not-averaged": Fault(
        "h is the sum of the context words' vectors, not their mean", "h *= 1 / len(self.in_layers)", (r"h\s*[*/+]?=",)
    ),
    "contexts-averaged-twice": Fault(
        "h is divided by the number of context words twice", "h *= 1 / len(self.in_layers), once", (r"h\s*[*/]?=",)
    ),
    "gradient-not-divided": Fault(
        "each context word gets the whole gradient of h, which is a mean: it should get a part in {n}",
        "multiply dh by 1 / len(self.in_layers) before the in_layers' backward",
        (r"backward",),
    ),
    "gradient-divided-twice": Fault(
        "the gradient of the context words is divided by their number twice",
        "multiply dh by 1 / len(self.in_layers), once, before the loop",
        (r"\*=|/",),
    ),
    "first-context-only": Fault(
        "only the first context word is trained: the gradients of the others do not reach self.grads",
        "call backward of all in_layers, and put params and grads of all into the lists",
        (r"backward|params",),
    ),
    "word-vecs": Fault(
        "{what}",
        "set self.word_vecs = W_in, the array itself, which training changes",
        (r"word_vecs",),
    ),
    "not-the-slope": Fault(
        "the gradient is not the slope of the loss that forward returns",
        "compare with (loss(W + e) - loss(W - e)) / 2e for one number of W at a time",
    ),
}
