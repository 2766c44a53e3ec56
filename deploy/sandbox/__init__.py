"""Small real HTTP servers that stand in for vendors on one machine; they import nothing of the platform."""
