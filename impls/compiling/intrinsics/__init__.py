"""What compiled code does that Python cannot express: numba intrinsics, which write LLVM code. See README.md."""
