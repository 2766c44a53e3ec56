"""Commands of credentials."""
