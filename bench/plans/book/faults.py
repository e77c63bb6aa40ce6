"""The faults that learners make: one entry each, with a sentence for what is wrong, and one for what to write instead.

A wrong result is explained by comparing it with what each mistake would give (``Result.mistakes``): a fault is named only where
the result is wrong, and equals what that mistake gives. So an unusual solution whose results are right is never accused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A fault that learners make."""

    # What is wrong, and what to write instead. ``{…}`` are filled in by the check.
    says: str
    instead: str
    # What a line at fault looks like, as regular expressions, the surest first. Without such a line, the method's first
    # one is named.
    at: tuple[str, ...] = ()
    # whether the result is right all the same: it costs time, or it will not do for other files of the book
    remark: bool = False
    of_dtype: bool = False  # whether it is none where all weights are float64


TABLE = r"""
# params and grads, which the optimizer gets
params-no-list  self\.{name}\s*=
    self.{name} is {kind}, not a list: an optimizer goes through it item by item, and would take the rows of a matrix for weights
    write self.{name} = [{item}]
no-lists
    there is no self.{name}: the book's optimizers take the weights from params and their gradients from grads
    set self.params, self.grads = [W], [np.zeros_like(W)] in __init__ ([] and [] for a layer without weights)
lists-differ  self\.grads\s*\+?=
    self.params has {params} arrays, and self.grads has {grads}: an optimizer takes them in pairs
    give each array of params one array of grads, of the same shape, in the same order
weights-missing  self\.params\s*\+?=
    self.params has no array of shape {shape}: what is not in it is never trained
    add params and grads of all layers: for layer in layers: self.params += layer.params; self.grads += layer.grads
weights-copied  self\.params\s*=
    self.params has a copy of W: layers that share W would each train their own, and word_vecs would stay as it was
    keep the array itself: self.params = [W]
weights-not-used  self\.W\b|W\s*=|return|out\s*=
    forward does not use the weights that are in self.params: what the optimizer changes has no effect
    take W from the list in each call: W, = self.params
gradient-shape  self\.grads\s*=|np\.zeros
    a gradient has shape {got}, and its weights have {want}
    make it with np.zeros_like(W)
gradient-float64  (dtype)  np\.zeros\(|astype|self\.grads
    float64 creeps in: the gradient is {got}, and its weights are {want}. It takes twice the memory, and the optimizer's step more time
    make it with np.zeros_like(W), which keeps the dtype, and write into it in place
gradient-elsewhere  self\.{name}\b.*=|np\.add\.at\(self\.{name}
    the gradient is in self.{name}, and the optimizer takes it from self.grads, where it is still {held}
    write it there: dW, = self.grads; dW[...] = 0; then add to dW
gradient-rebound  self\.grads(\[0\])?\s*=
    self.grads gets a new array. A model has put the old one into its own list, so that its optimizer never sees the gradient
    write into the array that is there: self.grads[0][...] = dW
gradient-not-stored  np\.add\(|\+=|dW\s*=
    backward leaves the gradient as it was, {held}: nothing is written into self.grads[0]
    dW, = self.grads; dW[...] = 0; then add to dW (np.add returns a new array: np.add.at adds in place)
gradient-kept  np\.add\.at|\+=
    the gradient of the step before is still in it: each step adds to all earlier ones
    begin backward with dW[...] = 0
weights-changed  self\.params  W\[  W\s*[-+*/]=
    {method} changes the weights themselves: only the optimizer may
    write into self.grads, not self.params: dW, = self.grads
input-changed  \b{name}\b(\[.*\])?\s*[-+*/]?=[^=]
    {method} changes its input {name} in place: other layers get the same array
    make a new array: {name} * … in place of {name} *= …
state  self\.\w+
    it is right the first time, and wrong in a later step with other word ids: something of an earlier step is kept
    set in forward all that backward uses, and zero the gradient in each backward
rows-and-values  (remark)  self\.grads
    the gradient is kept as rows and values, which is right, and enough (slide 11). The book's SGD and Adam cannot take it: they need an array of W's shape
    keep it if your own optimizer takes it
# what is returned
nothing-returned  out\s*=|dh\s*=|dx\s*=
    {method} returns nothing
    end it with return {what}
wrong-shape
    {what} has shape {got}, not {want}
    compare the shapes of what you multiply and sum, line by line
wrong-type
    {what} is {got}, not an array of numbers
    return a NumPy array, or for a loss a number
wrong-value
    {what} is wrong
    work the example out by hand, and compare line by line
float64  (dtype)  np\.(zeros|empty|ones|array|eye)\(|astype|float64
    float64 creeps in: {what} is {got}, and the weights are {want}. Everything after it then takes twice the memory
    keep the dtype of W: no np.zeros(…) without a dtype, and no astype(float)
float64-as-the-book  (remark)  self\.t\b|self\.y
    {what} is float64 for float32 scores, as in the book itself: float32 minus integer labels gives float64. What follows takes longer (np.add.at most of all)
    write self.t = t.astype(x.dtype) in forward
# errors
not-unpacked  (W|dW)\s*=\s*self\.(params|grads)\s*$
    self.params and self.grads are lists, and the list itself is used as an array ({error})
    take the array out: W, = self.params (with the comma), or W = self.params[0]
never-set  {name}
    {name} is used, and never set ({error})
    use the argument itself if that is meant (dout, not self.dout), or set the attribute in __init__ or forward
not-kept
    None is used where something of forward is needed ({error})
    keep it in forward (self.cache = …), and call forward of each layer before its backward: layers[1 + i], not layers[i]
default  def\sbackward
    backward() without an argument gives something else than backward(1)
    write def backward(self, dout=1): training begins with the loss's own gradient, 1
weights-zero  np\.zeros  W_in\s*=
    both matrices begin with zeros: all gradients are then 0, and nothing is ever learnt
    begin with small random numbers: 0.01 * np.random.randn(V, H).astype('f')
wrong-brackets  \w\[
    a function is called with square brackets ({error})
    np.zeros_like(W), with round ones
other-signature  def\s
    it cannot be called as in the book ({error})
    its signature is {signature}
shapes-do-not-fit
    the shapes do not fit ({error})
    print the shapes in the line above, and add .T or [:, None] or reshape where they differ
no-method
    there is no {method}
    its signature is {signature}
not-written
    it is not written yet ({error})
    write it: its signature is {signature}
raises
    it raises {error}
    start with the line that is named
timeout
    {reason}
    look for a loop that does not end
crashed
    {reason}
    look for what ends Python: exit(), os._exit(), or compiled code
out-of-memory
    {reason}
    look for an array that is larger than W
error
    {reason}
    start with the line that is named
# Embedding, EmbeddingDot, MatMul
assigned  \[(self\.idx|word\w*|idx|i|w)\]\s*\+?=  \]\s*\+?=
    where a word repeats, a later gradient overwrites an earlier one: they must be added (slides 11 and 12). dW[idx] += dout does not add either
    write np.add.at(dW, self.idx, dout), or dW[word] += dout[i] in a loop
added-n-times  np\.add\.at|\+=
    np.add.at already adds the gradients of all ids, and stands in a loop over them: each is added {n} times, once for each id of the batch
    write either the loop, with dW[word] += dout[i], or np.add.at(dW, self.idx, dout) without a loop
mean-of-rows  /
    the gradients are divided by the batch size here: the loss layer has done that already
    add dout as it is
only-last  \+=|=
    only the last id of the batch is used
    put the line into the loop: check its indentation
only-first  ^\s*return  \+=
    only the first id of the batch is used: the loop is left after its first pass
    take return out of the loop: check its indentation
dout-forgotten  \b{what}\s*[+]?=  target_W\s*=  dx\s*=  return
    {what} is not multiplied by dout: the chain rule takes the gradient that comes from above times the local one
    multiply by dout{shaped}
factors-swapped  \b{what}\s*=  dtarget_W\s*=
    the two factors are exchanged: the gradient of a product a · b with respect to a is dout · b, and to b it is dout · a
    write dtarget_W = dout * h and dh = dout * target_W
all-pairs  np\.dot|@|matmul
    the scores are of every row of h with every word, ({n}, {n}), in place of each row with its own word, ({n},)
    multiply element by element and sum each row: np.sum(target_W * h, axis=1)
wrong-axis  axis|sum\(
    the sum goes over the batch in place of each row's numbers
    sum with axis=1
transposed  \.T|dot|@
    {what} is transposed
    exchange rows and columns: .T
# losses
not-averaged  sum|return|loss|dx\s*=
    {what} is the sum over the batch, not its mean
    divide by the batch size, once: by t.shape[0]
averaged-twice  /|mean
    {what} is divided by the batch size twice
    divide by the batch size, once: by t.shape[0]
sign  log|-|dx\s*=
    {what} has the wrong sign
    the loss is -log y, and its gradient y - t
label-forgotten  self\.y
    {what} leaves out the answer t
    take it off: the gradient is y - t
columns-swapped  np\.c_|stack|concatenate  log
    y and 1 - y are exchanged: the answer 1 then costs as much as 0 should
    write np.c_[1 - y, y]: column 0 is no, and column 1 is yes
half-loss  log|cross_entropy
    the loss has only one of its two terms: -t log y
    add both: -(t log y + (1 - t) log(1 - y)), so that the answer no costs something too
overflow  (remark)  exp
    a score of {score} gives {got}: exp overflows
    subtract the largest score of each row before exp: x - x.max(axis=1, keepdims=True)
one-hot-only  (remark)  argmax|self\.t
    it takes one-hot answers only; the book's takes word ids too
    use t.argmax(axis=1) if t has as many numbers as the scores
# sampling
target-drawn  choice|randint|searchsorted
    the target is among its own negatives: the same word is then told to be right and wrong
    set the target's probability to 0, and divide by the sum again: p[target[i]] = 0; p /= p.sum()
ids-not-whole  np\.(zeros|empty|ones)\(
    the negatives are {got}: numbers that are not whole cannot index W
    make the array with dtype=np.int32
outside-vocabulary  choice|randint|vocab_size
    the negatives are from {least} to {most}, and word ids from 0 to {last}
    draw from range(vocab_size)
law-uniform  choice|randint
    all words are drawn equally often: the counts have no effect
    give np.random.choice p=, the counts to the power, divided by their sum
law-power  power|\*\*|word_p
    words are drawn in proportion to their counts: the power has no effect
    raise the counts to the power before you divide by their sum: np.power(p, power)
law-other  choice|power|word_p
    words are not drawn by count ** power
    P'(w) = P(w) ** power / Σ P(w_j) ** power, over all words but the target (slide 22)
same-draws  seed|default_rng
    it draws the same negatives at every call
    do not set the seed inside, and draw in get_negative_sample, not in __init__
negatives-repeat  (remark)  replace|choice|randint
    a row may have the same negative twice: the book draws without replacement on a CPU, and with replacement on a GPU
    keep it (word2vec itself does so), or use replace=False
# negative sampling and the models
negatives-labelled-yes  negative_label|zeros|ones
    the negatives are taught as right answers: their labels are 1
    use np.zeros(batch_size) for the negatives
target-labelled-no  correct_label|zeros|ones
    the target is taught as a wrong answer: its label is 0
    use np.ones(batch_size) for the target
labels-swapped  label|zeros|ones
    the labels are exchanged: the target has 0 and the negatives have 1
    use np.ones(batch_size) for the target, and np.zeros(batch_size) for the negatives
layers-averaged  /|mean
    {what} is the mean over the {n} layers, not their sum: every gradient is {n} times too small
    add the layers up, and do not divide
only-last-layer  =
    {what} is of the last layer only: it is overwritten in the loop, not added to
    write += in the loop
only-first-layer  for\s|zip|\+=
    {what} is of the first layer only (the target's): the others are left out
    add up all layers in the loop
contexts-not-averaged  h\s*[*/+]?=
    h is the sum of the context words' vectors, not their mean
    h *= 1 / len(self.in_layers)
contexts-averaged-twice  h\s*[*/]?=
    h is divided by the number of context words twice
    h *= 1 / len(self.in_layers), once
gradient-not-divided  backward
    each context word gets the whole gradient of h, which is a mean: it should get a part in {n}
    multiply dh by 1 / len(self.in_layers) before the in_layers' backward
gradient-divided-twice  \*=|/
    the gradient of the context words is divided by their number twice
    multiply dh by 1 / len(self.in_layers), once, before the loop
first-context-only  backward|params
    only the first context word is trained: the gradients of the others do not reach self.grads
    call backward of all in_layers, and put params and grads of all into the lists
word-vecs  word_vecs
    {what}
    set self.word_vecs = W_in, the array itself, which training changes
not-the-slope
    the gradient is not the slope of the loss that forward returns
    compare with (loss(W + e) - loss(W - e)) / 2e for one number of W at a time
"""
"""A fault in three lines: its name with patterns of the line at fault, what is wrong, and what to write instead."""


def read_table(table: str) -> dict[str, Fault]:
    """Return the faults of a table, by name. ``(remark)`` and ``(dtype)`` behind a name set what Fault has of these names."""
    lines = [line.strip() for line in table.split("\n") if line and not line.startswith("#")]
    found = {}
    for head, says, instead in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        name, *at = head.split()
        patterns = tuple(one for one in at if one not in ("(remark)", "(dtype)"))
        found[name] = Fault(says, instead, patterns, remark="(remark)" in at, of_dtype="(dtype)" in at)
    return found


FAULTS = read_table(TABLE)
"""Every fault, by the name that ``--json`` prints: first those of a class's form, then those of what it computes."""

ERRORS = (
    (r"^NotImplementedError", "not-written"),
    (r"TypeError: (list indices must be|only integer scalar arrays|can't multiply sequence)|'list' (and|object)|and 'list'", "not-unpacked"),
    (r"TypeError: .*NoneType|AttributeError: 'NoneType'", "not-kept"),
    (r"has no attribute '(\w+)'", "never-set"),
    (r"name '(\w+)' is not defined", "never-set"),
    (r"cannot access local variable '(\w+)'", "never-set"),
    (r"TypeError: .* object is not subscriptable", "wrong-brackets"),
    (r"IndexError: arrays used as indices must be of integer", "ids-not-whole"),
    (r"TypeError: .*(positional argument|unexpected keyword|takes no arguments)", "other-signature"),
    (r"ValueError: .*(broadcast|not aligned|mismatch|shape|reshape|too many values|not enough values)", "shapes-do-not-fit"),
)  # fmt: skip
"""Which fault an error shows: a pattern of its type and message, and the fault's name. The first that fits counts."""


def fault_of_error(text: str) -> tuple[str, str]:
    """Return the fault that an error shows, and the name that its message has; both of any other error are general."""
    for pattern, fault in ERRORS:
        if found := re.search(pattern, text):
            return fault, (found[1] or "") if found.groups() else ""
    return "raises", ""
