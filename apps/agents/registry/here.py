"""As which instance this process works. Set by `runagent`, and by tests that are an agent themselves."""

from dataclasses import dataclass, field


@dataclass
class Here:
    """The instance that this process is, empty where it is none, and the agents that it works as."""

    instance_id: str = ""
    agents: set[str] = field(default_factory=set)


HERE = Here()
