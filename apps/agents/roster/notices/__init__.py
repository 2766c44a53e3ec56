"""Where notices go, and what became of each."""
