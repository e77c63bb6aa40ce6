"""Faults of a class's form: its lists params and grads, what its methods return and change, and errors that they raise."""

from __future__ import annotations

from .fault import Fault

FORM = {
    # params and grads, which the optimizer gets
    "params-no-list": Fault(
        "self.{name} is {kind}, not a list: an optimizer goes through it item by item, and would take the rows of a matrix for weights",
        "write self.{name} = [{item}]",
        (r"self\.{name}\s*=",),
    ),
    "no-lists": Fault(
        "there is no self.{name}: the book's optimizers take the weights from params and their gradients from grads",
        "set self.params, self.grads = [W], [np.zeros_like(W)] in __init__ ([] and [] for a layer without weights)",
    ),
    "lists-differ": Fault(
        "self.params has {params} arrays, and self.grads has {grads}: an optimizer takes them in pairs",
        "give each array of params one array of grads, of the same shape, in the same order",
        (r"self\.grads\s*\+?=",),
    ),
    "weights-missing": Fault(
        "self.params has no array of shape {shape}: what is not in it is never trained",
        "add params and grads of all layers: for layer in layers: self.params += layer.params; self.grads += layer.grads",
        (r"self\.params\s*\+?=",),
    ),
    "weights-copied": Fault(
        "self.params has a copy of W: layers that share W would each train their own, and word_vecs would stay as it was",
        "keep the array itself: self.params = [W]",
        (r"self\.params\s*=",),
    ),
    "weights-not-used": Fault(
        "forward does not use the weights that are in self.params: what the optimizer changes has no effect",
        "take W from the list in each call: W, = self.params",
        (r"self\.W\b|W\s*=|return|out\s*=",),
    ),
    "gradient-shape": Fault(
        "a gradient has shape {got}, and its weights have {want}",
        "make it with np.zeros_like(W)",
        (r"self\.grads\s*=|np\.zeros",),
    ),
    "gradient-float64": Fault(
        "float64 creeps in: the gradient is {got}, and its weights are {want}. It takes twice the memory, and the optimizer's step more time",
        "make it with np.zeros_like(W), which keeps the dtype, and write into it in place",
        (r"np\.zeros\(|astype|self\.grads",),
        of_dtype=True,
    ),
    "gradient-elsewhere": Fault(
        "the gradient is in self.{name}, and the optimizer takes it from self.grads, where it is still {held}",
        "write it there: dW, = self.grads; dW[...] = 0; then add to dW",
        (r"self\.{name}\b.*=|np\.add\.at\(self\.{name}",),
    ),
    "gradient-rebound": Fault(
        "self.grads gets a new array. A model has put the old one into its own list, so that its optimizer never sees the gradient",
        "write into the array that is there: self.grads[0][...] = dW",
        (r"self\.grads(\[0\])?\s*=",),
    ),
    "gradient-not-stored": Fault(
        "backward leaves the gradient as it was, {held}: nothing is written into self.grads[0]",
        "dW, = self.grads; dW[...] = 0; then add to dW (np.add returns a new array: np.add.at adds in place)",
        (r"np\.add\(|\+=|dW\s*=",),
    ),
    "gradient-kept": Fault(
        "the gradient of the step before is still in it: each step adds to all earlier ones",
        "begin backward with dW[...] = 0",
        (r"np\.add\.at|\+=",),
    ),
    "weights-changed": Fault(
        "{method} changes the weights themselves: only the optimizer may",
        "write into self.grads, not self.params: dW, = self.grads",
        (r"self\.params", r"W\[", r"W\s*[-+*/]="),
    ),
    "input-changed": Fault(
        "{method} changes its input {name} in place: other layers get the same array",
        "make a new array: {name} * … in place of {name} *= …",
        (r"\b{name}\b(\[.*\])?\s*[-+*/]?=[^=]",),
    ),
    "state": Fault(
        "it is right the first time, and wrong in a later step with other word ids: something of an earlier step is kept",
        "set in forward all that backward uses, and zero the gradient in each backward",
        (r"self\.\w+",),
    ),
    "rows-and-values": Fault(
        "the gradient is kept as rows and values, which is right, and enough (slide 11). The book's SGD and Adam "
        "cannot take it: they need an array of W's shape",
        "keep it if your own optimizer takes it",
        (r"self\.grads",),
        remark=True,
    ),
    # what is returned
    "nothing-returned": Fault("{method} returns nothing", "end it with return {what}", (r"out\s*=|dh\s*=|dx\s*=",)),
    "wrong-shape": Fault(
        "{what} has shape {got}, not {want}", "compare the shapes of what you multiply and sum, line by line"
    ),
    "wrong-type": Fault("{what} is {got}, not an array of numbers", "return a NumPy array, or for a loss a number"),
    "wrong-value": Fault("{what} is wrong", "work the example out by hand, and compare line by line"),
    "float64": Fault(
        "float64 creeps in: {what} is {got}, and the weights are {want}. Everything after it then takes twice the memory",
        "keep the dtype of W: no np.zeros(…) without a dtype, and no astype(float)",
        (r"np\.(zeros|empty|ones|array|eye)\(|astype|float64",),
        of_dtype=True,
    ),
    "float64-as-the-book": Fault(
        "{what} is float64 for float32 scores, as in the book itself: float32 minus integer labels gives float64. "
        "What follows takes longer (np.add.at most of all)",
        "write self.t = t.astype(x.dtype) in forward",
        (r"self\.t\b|self\.y",),
        remark=True,
    ),
    # errors
    "not-unpacked": Fault(
        "self.params and self.grads are lists, and the list itself is used as an array ({error})",
        "take the array out: W, = self.params (with the comma), or W = self.params[0]",
        (r"(W|dW)\s*=\s*self\.(params|grads)\s*$",),
    ),
    "never-set": Fault(
        "{name} is used, and never set ({error})",
        "use the argument itself if that is meant (dout, not self.dout), or set the attribute in __init__ or forward",
        (r"{name}",),
    ),
    "not-kept": Fault(
        "None is used where something of forward is needed ({error})",
        "keep it in forward (self.cache = …), and call forward of each layer before its backward: layers[1 + i], not layers[i]",
    ),
    "default": Fault(
        "backward() without an argument gives something else than backward(1)",
        "write def backward(self, dout=1): training begins with the loss's own gradient, 1",
        (r"def backward",),
    ),
    "weights-zero": Fault(
        "both matrices begin with zeros: all gradients are then 0, and nothing is ever learnt",
        "begin with small random numbers: 0.01 * np.random.randn(V, H).astype('f')",
        (r"np\.zeros", r"W_in\s*="),
    ),
    "wrong-brackets": Fault(
        "a function is called with square brackets ({error})", "np.zeros_like(W), with round ones", (r"\w\[",)
    ),
    "other-signature": Fault(
        "it cannot be called as in the book ({error})", "its signature is {signature}", (r"def ",)
    ),
    "shapes-do-not-fit": Fault(
        "the shapes do not fit ({error})",
        "print the shapes in the line above, and add .T or [:, None] or reshape where they differ",
    ),
    "no-method": Fault("there is no {method}", "its signature is {signature}"),
    "not-written": Fault("it is not written yet ({error})", "write it: its signature is {signature}"),
    "raises": Fault("it raises {error}", "start with the line that is named"),
    "timeout": Fault("{reason}", "look for a loop that does not end"),
    "crashed": Fault("{reason}", "look for what ends Python: exit(), os._exit(), or compiled code"),
    "out-of-memory": Fault("{reason}", "look for an array that is larger than W"),
    "error": Fault("{reason}", "start with the line that is named"),
}
