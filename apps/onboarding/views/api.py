"""The API of onboarding. Each view is a gate: parse, authorise, call one service, represent."""

from abc import ABC, abstractmethod
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import filters, generics, serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from apps.onboarding import queries, services
from apps.onboarding.models import Onboarding
from apps.onboarding.representations import (
    AcceptedSerializer,
    OnboardingDetailSerializer,
    OnboardingSerializer,
    as_json,
)
from apps.onboarding.serializers import (
    AnswerSerializer,
    AskSerializer,
    ChoiceSerializer,
    ListSerializer,
    NothingSerializer,
    RerunSerializer,
    ask_from,
)
from apps.projects.credentials.services import BadCode
from apps.projects.queries import may_touch
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.idempotency import once
from meshsix.web.permissions import Operator, Viewer
from meshsix.web.problems import Problem

_CONFLICT = OpenApiResponse(description="It does not fit what the onboarding is doing; `code` and `hint` say why.")


class OnboardingList(generics.ListCreateAPIView[Onboarding]):
    """All onboardings, and the start of a new one."""

    serializer_class = OnboardingSerializer
    filter_backends = [filters.OrderingFilter]
    ordering_fields = ("created_at",)
    ordering = ("-created_at",)

    @property
    def throttle_scope(self) -> str:
        """Starts are counted apart from other writes."""
        return "trigger" if self.request.method == "POST" else "read"

    def get_permissions(self) -> list[BasePermission]:
        """Reading is for viewers, starting for operators."""
        return [Operator() if self.request.method == "POST" else Viewer()]

    def get_queryset(self) -> QuerySet[Onboarding]:
        """Return the rows that the caller may see, filtered."""
        asked = ListSerializer.read(self.request)
        rows = queries.onboardings(self.request.user)
        return queries.filtered(rows, status=asked["status"], owner=asked["owner"], words=asked["q"])

    @extend_schema(operation_id="list_onboardings", parameters=[ListSerializer])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as DRF calls it
        """List onboardings, the newest first, in pages by cursor."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="start_onboarding",
        request=AskSerializer,
        responses={202: AcceptedSerializer, 200: AcceptedSerializer, 409: _CONFLICT},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401, ARG002 - as DRF calls it
        """Start an onboarding. With an `Idempotency-Key` a repeat answers 200 with the first one."""
        ask = ask_from(request.data)
        if not may_touch(request.user, ask.repository):
            raise PermissionDenied("This repository is not among those that you may touch.")
        started = once(request, lambda: str(_started(request, ask).pk))
        row = _visible(request, UUID(started.resource_id))
        where = reverse("onboarding-api", args=[row.pk])
        code = status.HTTP_202_ACCEPTED if started.is_new else status.HTTP_200_OK
        return Response(AcceptedSerializer(row).data, status=code, headers={"Location": where})


def _started(request: Request, ask: Any) -> Onboarding:  # noqa: ANN401 - an Ask
    try:
        return services.start_onboarding(ask, actor=actor_of(request, Door.API))
    except services.AlreadyOnboarding as error:
        raise _already(error) from error


def _already(error: services.AlreadyOnboarding) -> Problem:
    facts = {"run_id": str(error.run_id), "url": reverse("onboarding-page", args=[error.run_id])}
    return Problem("onboard:request:already-running", status=409, detail=str(error), facts=facts)


def _visible(request: Request, run_id: UUID) -> Onboarding:
    row = queries.onboardings(request.user).filter(pk=run_id).first()
    if row is None:
        raise Http404
    return row


class OnboardingDetail(generics.GenericAPIView[Onboarding]):
    """One onboarding."""

    serializer_class = OnboardingDetailSerializer
    permission_classes = [Viewer]

    @extend_schema(operation_id="get_onboarding")
    def get(self, request: Request, run_id: UUID) -> Response:
        """Return everything about an onboarding: steps, attempts, links, what it waits for."""
        return Response(as_json(queries.detail(_visible(request, run_id))))


class OnboardingAct(ABC, generics.GenericAPIView[Onboarding]):
    """An act on an onboarding; a subclass says which."""

    permission_classes = [Operator]

    @abstractmethod
    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:
        """Call the one service of this act."""

    def post(self, request: Request, run_id: UUID) -> Response:
        """Do it, and return the onboarding as it then is."""
        _visible(request, run_id)
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            self.act(request, run_id, serializer.validated_data)
        except services.AlreadyOnboarding as error:
            raise _already(error) from error
        except services.NotNow as error:
            raise Problem(f"onboard:request:{error.code}", status=409, detail=str(error)) from error
        except BadCode as error:
            raise Problem("onboard:sign-in:bad-code", status=422, detail=str(error)) from error
        return Response(as_json(queries.detail(_visible(request, run_id))), status=status.HTTP_202_ACCEPTED)


def _act_schema(name: str, request: type[serializers.Serializer[Any]] | None) -> Any:  # noqa: ANN401 - a decorator
    answers = {202: OnboardingDetailSerializer, 409: _CONFLICT}
    return extend_schema_view(post=extend_schema(operation_id=name, request=request, responses=answers))


@_act_schema("submit_sign_in", AnswerSerializer)
class AuthCallback(OnboardingAct):
    """Hand in what the sign-in gave: a code, or a token. Nothing of it is ever shown again."""

    serializer_class = AnswerSerializer

    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:
        """Hand it in."""
        actor = actor_of(request, Door.API)
        if given.get("code"):
            services.submit_code(run_id, given["code"], actor=actor)
        else:
            services.submit_token(
                run_id,
                access_token=given["access_token"],
                refresh_token=given.get("refresh_token", ""),
                expires_at=given.get("expires_at"),
                actor=actor,
            )


@_act_schema("sign_in_again", None)
class SignInAgain(OnboardingAct):
    """Start the sign-in anew, with a fresh address."""

    serializer_class = NothingSerializer

    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:  # noqa: ARG002 - nothing to give
        """Make a new address."""
        services.sign_in_again(run_id, actor=actor_of(request, Door.API))


@_act_schema("decline_sign_in", None)
class DeclineSignIn(OnboardingAct):
    """Decline to sign in: the onboarding stops, and can be resumed."""

    serializer_class = NothingSerializer

    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:  # noqa: ARG002 - nothing to give
        """Decline."""
        services.decline(run_id, actor=actor_of(request, Door.API))


@_act_schema("choose_board", ChoiceSerializer)
class Choose(OnboardingAct):
    """Say which of several boards is to be adopted."""

    serializer_class = ChoiceSerializer

    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:
        """Choose."""
        services.choose_board(run_id, given["candidate"], actor=actor_of(request, Door.API))


@_act_schema("resume_onboarding", None)
class Resume(OnboardingAct):
    """Go on from the failed step."""

    serializer_class = NothingSerializer

    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:  # noqa: ARG002 - nothing to give
        """Resume."""
        services.resume(run_id, actor=actor_of(request, Door.API))


@_act_schema("cancel_onboarding", None)
class Cancel(OnboardingAct):
    """Cancel an unfinished onboarding; what was made stays."""

    serializer_class = NothingSerializer

    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:  # noqa: ARG002 - nothing to give
        """Cancel."""
        services.cancel(run_id, actor=actor_of(request, Door.API))


@_act_schema("rerun_onboarding_step", RerunSerializer)
class Rerun(OnboardingAct):
    """Do a step and all that depends on it again."""

    serializer_class = RerunSerializer

    def act(self, request: Request, run_id: UUID, given: dict[str, Any]) -> None:
        """Re-run."""
        services.rerun(run_id, given["step"], actor=actor_of(request, Door.API))
