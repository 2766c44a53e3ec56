"""The agents that ship, as in the service tests, for tests that kill a process in the middle of a step."""

from tests.service.roster.conftest import litellm, litellm_server, office
from tests.service.roster.deep_desk import reading
from tests.service.roster.web_sandbox import site, web_server

__all__ = ["litellm", "litellm_server", "office", "reading", "site", "web_server"]
