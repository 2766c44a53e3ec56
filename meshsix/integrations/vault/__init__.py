"""Vault or OpenBao: KV v2, AppRole, Kubernetes auth and tokens."""
