"""What several kernels share: bags of words, random numbers, torch and JAX."""
