"""The public interface: what a kernel is, and what an implementation of it is.

A ``Kernel`` defines what is computed. It makes the inputs, checks results and counts the least work that a call needs.
An ``Implementation`` is a plain function with the kernel's signature, and some facts about it. The decorator
``kernel.implementation`` makes one from a function. It registers nothing: discovery collects the values in modules.
"""

from .arrays import Array
from .checks import Wrong
from .facts import BadImplementation, Deck, Measured
from .kernel import INTERFACE_VERSION, Implementation, Kernel, importing
from .problem import Problem, Work

__all__ = (
    "INTERFACE_VERSION",
    "Array",
    "BadImplementation",
    "Deck",
    "Implementation",
    "Kernel",
    "Measured",
    "Problem",
    "Work",
    "Wrong",
    "importing",
)
