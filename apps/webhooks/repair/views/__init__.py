"""The doors to the health of hooks: pages and the API."""
