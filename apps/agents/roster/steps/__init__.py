"""The steps of those agents whose work takes several."""
