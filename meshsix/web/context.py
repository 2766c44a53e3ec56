"""What every page's template knows: the person's roles, the theme, the addresses that the frame needs."""

from django.http import HttpRequest

from meshsix.web.roles import Role, may, roles_of

THEMES = ("system", "light", "dark")


def platform(request: HttpRequest) -> dict[str, object]:
    """Return roles, theme and request id for the page frame. Asks the database at most once, and only where shown."""
    theme = request.COOKIES.get("theme", "system")
    return {
        "theme": theme if theme in THEMES else "system",
        "request_id": getattr(request, "request_id", ""),
        "person": Person(request),
    }


class Person:
    """The signed-in person as templates ask: `person.operates`, `person.roles`."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def roles(self) -> list[str]:
        """Return the names of the roles."""
        user = getattr(self._request, "user", None)
        return sorted(roles_of(user)) if user is not None else []

    @property
    def views(self) -> bool:
        """Return whether pages may be shown."""
        return self._may(Role.VIEWER)

    @property
    def operates(self) -> bool:
        """Return whether the buttons of an operator are shown."""
        return self._may(Role.OPERATOR)

    @property
    def approves(self) -> bool:
        """Return whether the buttons of an approver are shown."""
        return self._may(Role.APPROVER)

    @property
    def administers(self) -> bool:
        """Return whether the buttons of an admin are shown."""
        return self._may(Role.ADMIN)

    def _may(self, role: Role) -> bool:
        user = getattr(self._request, "user", None)
        return user is not None and may(user, role)
