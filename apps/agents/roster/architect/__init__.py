"""What the architect has said and heard about each issue, and what it works with."""
