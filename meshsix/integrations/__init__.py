"""One package per outside system; no vendor knows another."""
