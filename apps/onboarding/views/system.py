"""The API of the platform's own health: doctor."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from apps.onboarding.doctor import services
from apps.onboarding.doctor.report import Report
from apps.onboarding.doctor.representations import ReportSerializer, as_json
from apps.onboarding.serializers import StrictSerializer
from apps.onboarding.words import AuthMethod
from apps.projects.queries import may_touch, only_project_keys
from meshsix.kit import names
from meshsix.web.permissions import Operator
from meshsix.wiring import clients


class ExamSerializer(StrictSerializer):
    """What is to be examined; nothing of it is required."""

    repository = serializers.CharField(
        required=False, allow_blank=True, max_length=300, default="", help_text="OWNER/REPO or its address."
    )
    auth_method = serializers.ChoiceField(
        required=False, choices=[method.value for method in AuthMethod], default=AuthMethod.LOGIN.value
    )
    only = serializers.ListField(
        child=serializers.ChoiceField(choices=services.choices()),
        required=False,
        default=list,
        help_text="Names of checks or areas; without any, all.",
    )

    def validate_repository(self, value: str) -> names.RepositoryName | None:
        """Read the repository's name."""
        try:
            return names.parse_repository(value) if value.strip() else None
        except names.BadName as error:
            raise serializers.ValidationError(str(error)) from error


class Doctor(generics.GenericAPIView[Any]):
    """Prove every permission before the first step."""

    serializer_class = ExamSerializer
    permission_classes = [Operator]

    @extend_schema(operation_id="examine", request=ExamSerializer, responses={200: ReportSerializer})
    def post(self, request: Request) -> Response:
        """Examine the platform, and a repository where one is named: what stands in the way, and the exact fix.

        Changes nothing: probes that are written to Vault and storage are removed again. Takes some seconds.
        """
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(as_json(_examined(request, serializer.validated_data)))


def _examined(request: Request, asked: dict[str, Any]) -> Report:
    repository = asked["repository"]
    allowed = may_touch(request.user, repository) if repository else only_project_keys(request.user) is None
    if not allowed:
        raise PermissionDenied("Name a repository that is among those that you may touch.")
    method = AuthMethod(asked["auth_method"])
    return services.examine(repository, clients(), auth_method=method, only=asked["only"])
