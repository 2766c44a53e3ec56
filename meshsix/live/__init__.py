"""The event log and its push to browsers."""
