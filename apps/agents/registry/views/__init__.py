"""The API of tasks and agents."""
