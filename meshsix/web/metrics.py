"""What the web process counts for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

REQUEST_SECONDS = Histogram("meshsix_http_request_seconds", "Time of HTTP requests.", ["method", "route", "status"])
SOCKETS = Gauge("meshsix_live_sockets", "Open sockets that follow events.")
EVENTS_PUBLISHED = Counter("meshsix_events_published_total", "Events written by this process.")
NEWS_LOST = Counter("meshsix_live_news_lost_total", "News that the broker did not take; the sweep finds them.")
