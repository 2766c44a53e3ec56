"""Gives a hook a new secret while deliveries go on: signed with the old or the new one, none is refused."""
