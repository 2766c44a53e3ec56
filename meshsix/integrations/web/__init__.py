"""Pages of the open web, and a search that finds them."""

from meshsix.integrations.web.messages import Hit, Page
from meshsix.integrations.web.pages import Walled, Web
from meshsix.integrations.web.search import Search

__all__ = ["Hit", "Page", "Search", "Walled", "Web"]
