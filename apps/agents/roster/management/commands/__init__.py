"""Commands of the agents that ship."""
