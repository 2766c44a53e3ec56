"""The few pages that sandboxes show to people: plain HTML, no scripts. Every text is escaped here."""

from collections.abc import Iterable, Mapping
from html import escape

from starlette.responses import HTMLResponse

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1a1d21;"
    "background:#f6f7f9}main{background:#fff;border:1px solid #d9dde3;border-radius:8px;padding:1.5rem}"
    "button,.button{font:inherit;padding:.4rem 1rem;margin:.2rem .4rem .2rem 0;border:1px solid #6b7280;"
    "border-radius:6px;background:#fff;color:inherit;text-decoration:none;display:inline-block;cursor:pointer}"
    "button[value=allow]{background:#14532d;color:#fff}code{background:#eef1f4;padding:.2rem .4rem;"
    "overflow-wrap:anywhere}input{font:inherit;padding:.3rem}small{color:#4b5563}"
)


def page(title: str, blocks: Iterable[str], status: int = 200) -> HTMLResponse:
    """Return a page of ready-made blocks (see the functions below)."""
    body = "\n".join(blocks)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>\n{body}\n"
        "<p><small>Sandbox: nothing here is real.</small></p></main></body></html>",
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def code(text: str, element: str) -> str:
    """Return a text to copy, found by the id `element`."""
    return f'<p><code id="{escape(element)}">{escape(text)}</code></p>'


def field(name: str, label: str, value: str = "") -> str:
    """Return a labelled text field for a form."""
    given = f'name="{escape(name)}" value="{escape(value)}"'
    return f'<p><label>{escape(label)} <input {given} autocomplete="off"></label></p>'


def form(action: str, hidden: Mapping[str, str], buttons: Mapping[str, str], extra: str = "") -> str:
    """Return a form that posts the hidden fields and, as `decision`, the value of the button that was pressed."""
    inputs = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in hidden.items())
    pressed = "".join(
        f'<button type="submit" name="decision" value="{escape(value)}">{escape(label)}</button>'
        for value, label in buttons.items()
    )
    return f'<form method="post" action="{escape(action)}">{inputs}{extra}{pressed}</form>'
