"""The API of tokens and of a credential's health. Each view is a gate: parse, authorise, call one service, show."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.projects import queries as projects
from apps.projects.credentials import queries, tokens
from apps.projects.credentials.models import AccessToken, TokenClass
from apps.projects.credentials.permissions import KeepsTokens
from apps.projects.credentials.serializers import (
    HealthSerializer,
    IssuedSerializer,
    TokenSerializer,
    WantedTokenSerializer,
)
from meshsix.kit import names
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.permissions import Viewer
from meshsix.web.problems import Problem


class TokenList(generics.ListAPIView[AccessToken]):
    """Access tokens: your own; all of them for an admin."""

    serializer_class = TokenSerializer
    filter_backends = []

    def get_permissions(self) -> list[BasePermission]:
        """Looking is for viewers; making has a rule of its own."""
        return [KeepsTokens() if self.request.method == "POST" else Viewer()]

    def get_queryset(self) -> QuerySet[AccessToken]:
        """Return the tokens that the caller may see."""
        user = self.request.user
        return queries.visible_tokens(user) if isinstance(user, User) else AccessToken.objects.none()

    @extend_schema(operation_id="list_tokens")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List tokens in facts, the newest first. No token is shown."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="issue_token", request=WantedTokenSerializer, responses={201: IssuedSerializer})
    def post(self, request: Request) -> Response:
        """Make a token for yourself. The answer is the only place where it is ever shown."""
        wanted = WantedTokenSerializer(data=request.data, context={"request": request})
        wanted.is_valid(raise_exception=True)
        given = wanted.validated_data
        try:
            row, plaintext = tokens.issue(
                _person(request),
                given["scopes"],
                name=given["name"],
                token_class=TokenClass(given["token_class"]),
                projects=given["projects"],
                life=wanted.life,
                actor=actor_of(request, Door.API),
            )
        except tokens.NotAllowed as error:
            raise Problem("token:not-allowed", status=422, detail=str(error)) from error
        body = {**TokenSerializer(row).data, "token": plaintext}
        return Response(body, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class TokenDetail(APIView):
    """One access token."""

    permission_classes = [KeepsTokens]

    @extend_schema(operation_id="revoke_token", responses={204: None})
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke a token, from now on and for good. Revoking it again changes nothing."""
        if not queries.visible_tokens(_person(request)).filter(pk=token_id).exists():
            raise Http404
        tokens.revoke(token_id, actor=actor_of(request, Door.API))
        return Response(status=status.HTTP_204_NO_CONTENT)


class CredentialHealth(APIView):
    """How a project's credential stands."""

    permission_classes = [Viewer]

    @extend_schema(operation_id="get_credential_health", responses=HealthSerializer)
    def get(self, request: Request, owner: str, repo: str) -> Response:
        """Return kind, expiry and fingerprint of the active credential, and the open sign-in; never a secret."""
        try:
            project = projects.by_name(names.repository(owner, repo))
        except names.BadName as error:
            raise Http404 from error
        if project is None or not projects.visible_projects(request.user).filter(pk=project.pk).exists():
            raise Http404
        return Response(HealthSerializer(queries.health(project.auth_project_id)).data)


def _person(request: Request) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
