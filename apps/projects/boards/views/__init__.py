"""The doors to projects and their boards over HTTP: the API and the pages."""
