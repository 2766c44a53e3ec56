"""The one way a project and its board look in the API."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from apps.projects.boards.columns import Column
from apps.projects.boards.health import Light
from apps.projects.boards.models import BoardCard, Content
from apps.projects.boards.queries import KanbanColumn, ProjectView
from apps.projects.models import Project, ProjectStatus
from meshsix.web.parameters import Parameters

MODES = ["envbuilder", "shared", "local"]


class StandingSerializer(serializers.Serializer[Any]):
    """How one part of a project stands; `since` is when that was last proven."""

    light = serializers.ChoiceField(choices=[(item.value, item.value) for item in Light])
    words = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    detail = serializers.CharField(allow_blank=True)


class StandingsSerializer(serializers.Serializer[Any]):
    """How a project stands."""

    hook = StandingSerializer()
    board = StandingSerializer()
    environment = StandingSerializer()
    last_event_at = serializers.DateTimeField(allow_null=True)


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """An onboarded repository."""

    status = serializers.ChoiceField(choices=ProjectStatus.choices)
    execution_mode = serializers.ChoiceField(choices=MODES)
    board_url = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Project
        fields = (
            "id",
            "owner",
            "name",
            "full_name",
            "service_name",
            "status",
            "execution_mode",
            "trigger_method",
            "default_branch",
            "repo_url",
            "board_number",
            "board_url",
            "env_name",
            "created_at",
            "updated_at",
            "url",
        )
        read_only_fields = fields

    def get_board_url(self, project: Project) -> str:
        """Return the address of the board at GitHub, empty where there is none."""
        return str(project.metadata.get("board_url") or "")

    def get_url(self, project: Project) -> str:
        """Return the path of the project's page."""
        return reverse("project-page", args=[project.owner, project.name])


class ProjectHealthSerializer(ProjectSerializer):
    """A project with how it stands."""

    health = StandingsSerializer()

    class Meta(ProjectSerializer.Meta):
        fields = (*ProjectSerializer.Meta.fields, "health")  # type: ignore[assignment] # one more than its parent has
        read_only_fields = fields  # type: ignore[assignment] # one more than its parent has


class ColumnSerializer(serializers.Serializer[Any]):
    """A column of the board; without a name for cards that have no Status."""

    name = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()


class ProjectDetailSerializer(ProjectHealthSerializer):
    """A project with how it stands, and how many cards each column of its board has."""

    columns = ColumnSerializer(many=True)

    class Meta(ProjectHealthSerializer.Meta):
        fields = (*ProjectHealthSerializer.Meta.fields, "columns")  # type: ignore[assignment] # one more than its parent has
        read_only_fields = fields  # type: ignore[assignment] # one more than its parent has


def as_json(view: ProjectView) -> dict[str, Any]:
    """Return a project with how it stands as JSON-ready values."""
    return {**ProjectSerializer(view.project).data, "health": StandingsSerializer(view.health).data}


def detail_as_json(view: ProjectView, columns: tuple[KanbanColumn, ...]) -> dict[str, Any]:
    """Return a project with its board's columns as JSON-ready values."""
    return {**as_json(view), "columns": ColumnSerializer(list(columns), many=True).data}


class CardSerializer(serializers.ModelSerializer[BoardCard]):
    """A card of the board. `workable`: it is of an issue of this repository, so that its moves start something."""

    content = serializers.ChoiceField(choices=Content.choices)
    labels = serializers.ListField(child=serializers.CharField())
    assignees = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = BoardCard
        fields = (
            "item_id",
            "content",
            "workable",
            "repository",
            "issue",
            "issue_open",
            "title",
            "url",
            "author",
            "labels",
            "assignees",
            "column",
            "status",
            "in_column_since",
            "item_updated_at",
        )
        read_only_fields = fields


class ProjectParameters(Parameters):
    """The query parameters of the list of projects."""

    status = serializers.ChoiceField(required=False, choices=ProjectStatus.values, default="")
    execution_mode = serializers.ChoiceField(required=False, choices=MODES, default="")
    q = serializers.CharField(required=False, default="", help_text="Words in `owner/name` or the display name.")
    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")


class CardParameters(Parameters):
    """The query parameters of a board."""

    column = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text=f"Only cards of this column ({', '.join(Column)}, or another); empty: those without a Status.",
    )
    content = serializers.ChoiceField(required=False, choices=Content.values)
    issue = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1, help_text="Its number.")
    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")
