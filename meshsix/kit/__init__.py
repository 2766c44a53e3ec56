"""Small pure parts that everything stands on. No Django, no I/O."""
