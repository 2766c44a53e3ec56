"""The doors: who may bring something in, what is stored of it, and what is answered. Reacting happens elsewhere."""
