"""The door at which a runner says hello and gets the token for its work."""

from http import HTTPStatus
from typing import Any

import structlog
from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.projects import services as projects
from apps.projects.credentials import runners
from apps.projects.credentials.authentication import count_bad
from apps.projects.models import Environment
from meshsix.integrations.errors import VendorError
from meshsix.web.addresses import client_address
from meshsix.web.problems import Problem
from meshsix.wiring import clients

log = structlog.get_logger()

_PARTS = 2


class RunnerAuthentication(BaseAuthentication):
    """Signs in a runner by the token of its pod, or by a service token; `request.auth` says which runner it is."""

    def authenticate(self, request: Request) -> tuple[User, runners.Runner]:
        """Return the runners' account and the runner. Raises AuthenticationFailed, Throttled, Problem 503."""
        parts = get_authorization_header(request).split()
        token = parts[1].decode("latin-1") if len(parts) == _PARTS and parts[0].lower() == b"bearer" else ""
        runner = _runner(token)
        if runner is None:
            count_bad(client_address(request._request))  # noqa: SLF001 - DRF's own way to Django's request
            raise AuthenticationFailed
        return runners.account(), runner

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Return the challenge that makes a failure a 401."""
        return 'Bearer realm="mesh-six-runner"'


class IsRunner(BasePermission):
    """A runner, and nobody else."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's signature
        """Return whether a runner has signed in."""
        return isinstance(request.auth, runners.Runner)


class HelloSerializer(serializers.Serializer[Any]):
    """What a runner says. `clone` is said by the pod's first container, before there is a runner to work with."""

    environment = serializers.CharField(max_length=52)
    purpose = serializers.ChoiceField(choices=["runner", "clone"], default="runner")
    instance_id = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class WelcomeSerializer(serializers.Serializer[Any]):
    """What a runner is told. The token is shown here and nowhere else."""

    environment = serializers.CharField()
    project = serializers.CharField(allow_null=True, help_text="owner/name; null for a shared host")
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class RunnerHello(APIView):
    """A runner says hello."""

    authentication_classes = [RunnerAuthentication]
    permission_classes = [IsRunner]

    @extend_schema(operation_id="runner_hello", request=HelloSerializer, responses={200: WelcomeSerializer})
    def post(self, request: Request) -> Response:
        """Trade the proof of who you are for a token of this environment, good for one hour."""
        said = HelloSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        hello, runner = said.validated_data, _signed_in(request)
        environment = _own_environment(runner, hello["environment"])
        issued = runners.welcome(
            runner, environment, instance_id=hello["instance_id"], starts_work=hello["purpose"] == "runner"
        )
        body = {
            "environment": environment.env_name,
            "project": environment.project.full_name if environment.project else None,
            "token": issued.plaintext,
            "expires_at": issued.row.expires_at,
        }
        return Response(WelcomeSerializer(body).data, headers={"Cache-Control": "no-store"})


def _runner(token: str) -> runners.Runner | None:
    if not token:
        return None
    if token.startswith("m6_"):
        return runners.of_service_token(token)
    try:
        return runners.of_pod_token(token, clients().cluster)
    except VendorError as error:
        log.warning("the cluster cannot tell whose token it is", error=str(error), hint=error.hint)
        raise Problem("unavailable", status=HTTPStatus.SERVICE_UNAVAILABLE) from error


def _signed_in(request: Request) -> runners.Runner:
    if not isinstance(request.auth, runners.Runner):
        raise AuthenticationFailed
    return request.auth


def _own_environment(runner: runners.Runner, claimed: str) -> Environment:
    """Return the runner's environment. Raises AuthenticationFailed where it is another's, or nobody's."""
    if claimed != runner.environment:
        raise AuthenticationFailed
    environment = projects.known_environment(claimed)
    if environment is None:
        raise AuthenticationFailed
    return environment
