"""What the storage says, as frozen types. Pure."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One object in the bucket."""

    key: str
    size_bytes: int
    changed_at: datetime
