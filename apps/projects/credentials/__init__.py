"""Access tokens, and what a coding agent needs to sign in."""
