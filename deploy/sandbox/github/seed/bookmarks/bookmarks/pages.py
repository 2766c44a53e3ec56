"""Bookmarks as HTML."""

from html import escape

from bookmarks.store import Bookmark

LAYOUT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Bookmarks</title>
<h1>Bookmarks</h1>
<form method="post" action="/">
  <input name="url" placeholder="https://" required>
  <input name="title" placeholder="Title">
  <button>Add</button>
</form>
<form><input name="q" value="{words}" placeholder="Search"><button>Search</button></form>
<ul>
{lines}
</ul>
</html>
"""


def index(bookmarks: list[Bookmark], words: str = "") -> str:
    """Return the page with all given bookmarks."""
    return LAYOUT.format(lines="\n".join(line(each) for each in bookmarks), words=escape(words, quote=True))


def line(bookmark: Bookmark) -> str:
    """Return one bookmark's line."""
    return (
        f'<li><a href="{escape(bookmark.url, quote=True)}">{escape(bookmark.title)}</a>'
        f'<form method="post" action="/remove/{bookmark.id}"><button>Remove</button></form></li>'
    )
