"""What agents remember, the context that they give a model, and what they hand to each other."""
