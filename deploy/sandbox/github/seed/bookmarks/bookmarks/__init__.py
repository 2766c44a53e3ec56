"""A web application that keeps bookmarks."""
