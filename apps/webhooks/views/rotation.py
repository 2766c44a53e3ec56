"""The API's door to the rotation of a webhook's secret: parse, authorise, call one service, represent."""

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.onboarding.serializers import StrictSerializer
from apps.projects.models import Project
from apps.projects.queries import visible_projects
from apps.webhooks.rotation import services
from meshsix.kit.actor import Door
from meshsix.kit.names import RepositoryName
from meshsix.web.actors import actor_of
from meshsix.web.permissions import Admin
from meshsix.web.problems import Problem


class RotationRequest(StrictSerializer):
    """Whose webhook: the repository's, or that of its organization."""

    organization = serializers.BooleanField(required=False, default=False)


class RotationSerializer(serializers.Serializer[dict[str, str]]):
    """A rotation that was started. Its progress is the event stream `run:{run_id}`."""

    run_id = serializers.UUIDField()
    hook = serializers.CharField()
    state = serializers.CharField()


class Rotation(generics.GenericAPIView[Project]):
    """A new secret for a webhook."""

    serializer_class = RotationRequest
    permission_classes = [Admin]
    throttle_scope = "trigger"

    @extend_schema(
        operation_id="rotate_webhook_secret",
        request=RotationRequest,
        responses={202: RotationSerializer, 409: OpenApiResponse(description="Not now; `code` and `hint` say why.")},
    )
    def post(self, request: Request, owner: str, repo: str) -> Response:
        """Give the webhook a new secret, at Vault and at GitHub. Deliveries with the old one count for 24 hours."""
        project = visible_projects(request.user).filter(owner__iexact=owner, name__iexact=repo).first()
        if project is None:
            raise Http404
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        repository = RepositoryName(owner=project.owner, name=project.name)
        try:
            hook = services.hook_of(repository, organization=given.validated_data["organization"])
            run = services.rotate(hook, actor=actor_of(request, Door.API))
        except (services.NoHook, services.UnderWay) as error:
            raise Problem(error.code, status=409, detail=str(error)) from error
        told = {"run_id": run.pk, "hook": hook.key, "state": run.state}
        return Response(told, status=status.HTTP_202_ACCEPTED)
