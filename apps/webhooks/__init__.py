"""Everything that comes in from outside."""
