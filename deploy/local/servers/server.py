"""What all servers have in common: started in two moves, so several start side by side; stopped however it ends."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from deploy.local.children import Child


class Server(ABC):
    """A server process as a context manager."""

    def __init__(self, child: Child) -> None:
        self.child = child

    @abstractmethod
    def launch(self) -> None:
        """Start the process without waiting until it answers."""

    @abstractmethod
    def wait_ready(self) -> None:
        """Return once it can be used. Raises CannotStart when it dies or takes too long."""

    def start(self) -> Self:
        """Start the server and return once it can be used."""
        try:
            self.launch()
            self.wait_ready()
        except BaseException:
            self.child.kill()
            raise
        return self

    def stop(self) -> None:
        """Ask it to stop and wait until it has."""
        self.child.stop()

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
