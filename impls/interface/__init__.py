"""The public interface: what a kernel is, and what an implementation of it is."""

from .interface import (
    INTERFACE_VERSION,
    Array,
    BadImplementation,
    Implementation,
    Kernel,
    Problem,
    Work,
    Wrong,
    importing,
)

__all__ = (
    "INTERFACE_VERSION",
    "Array",
    "BadImplementation",
    "Implementation",
    "Kernel",
    "Problem",
    "Work",
    "Wrong",
    "importing",
)
