"""Agents and their work; filled by later parts of the platform."""
