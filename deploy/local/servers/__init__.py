"""Real servers from Python wheels, bound to loopback: PostgreSQL, Valkey, OpenBao. Each is a context manager."""

from deploy.local.servers.openbao import OpenBao
from deploy.local.servers.place import Place
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.valkey import Valkey

__all__ = ["OpenBao", "Place", "Postgres", "Valkey"]
