"""Knows every agent and what it can do, and gives each task to the best one."""
