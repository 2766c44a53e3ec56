"""Prometheus, which knows how much of everything is used and what is up."""

from meshsix.integrations.prometheus.client import Prometheus
from meshsix.integrations.prometheus.messages import Sample

__all__ = ["Prometheus", "Sample"]
