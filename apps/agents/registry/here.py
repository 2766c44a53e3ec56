"""As which instance this process works. Set by `runagent`, and by tests that are an agent themselves."""

from dataclasses import dataclass


@dataclass
class Here:
    """The instance that this process is, empty where it is none."""

    instance_id: str = ""


HERE = Here()
