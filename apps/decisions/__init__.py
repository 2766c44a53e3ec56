"""The inbox of what waits for a person. See README.md."""
