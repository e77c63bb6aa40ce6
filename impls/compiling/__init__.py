"""How implementations are compiled: numba, its cache, and the intrinsics that write LLVM code."""
