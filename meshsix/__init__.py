"""Mesh Six: onboards repositories for coding agents and runs their work as durable steps."""
