"""The doors of webhooks over HTTP: GitHub's, the API, the pages."""
