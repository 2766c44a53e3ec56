"""Finds what did not come in, and hooks that do not work any more; polls boards that send nothing."""
