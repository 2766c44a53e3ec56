"""Who is asking, as it stands in the event of an act."""

from django.http import HttpRequest
from rest_framework.request import Request

from meshsix.kit.actor import Actor, ActorKind, Door


def actor_of(request: HttpRequest | Request, door: Door) -> Actor:
    """Return the signed-in person, or the token's owner, who came through `door`."""
    token = getattr(request, "auth", None)
    return Actor(
        kind=ActorKind.USER if token is None else ActorKind.TOKEN,
        name=request.user.get_username(),
        door=door,
        request_id=getattr(request, "request_id", ""),
    )
