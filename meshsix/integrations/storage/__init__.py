"""Object storage that speaks S3."""

from meshsix.integrations.storage.client import Storage

__all__ = ["Storage"]
