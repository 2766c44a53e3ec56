"""GitHub: repositories, boards, hooks, contents. See README.md."""
