"""A stand-in for GitHub on this machine: REST, GraphQL, git over smart HTTP and signed webhooks. See README.md."""

from deploy.sandbox.base import Frame
from deploy.sandbox.github.app import make
from deploy.sandbox.github.config import Config
from deploy.sandbox.place import Place


def sandbox(place: Place) -> Frame:
    """Return the sandbox GitHub for its part of the configuration (see config.py)."""
    facts = {name: value for name, value in place.config.items() if name != "port"}
    return make(Config.model_validate({"url": place.addresses.get(place.name), **facts}), place.data)
