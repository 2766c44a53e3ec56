"""How a report looks outside: the same fields for API and command, and a table for people."""

from typing import Any

from rest_framework import serializers
from rich.table import Table
from rich.text import Text

from apps.onboarding.doctor.report import Area, Report, State

_COLOURS = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red", State.SKIPPED: "dim"}


class FindingSerializer(serializers.Serializer[Any]):
    """One finding."""

    check = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    area = serializers.ChoiceField(choices=[area.value for area in Area], read_only=True)
    state = serializers.ChoiceField(choices=[state.value for state in State], read_only=True)
    fact = serializers.CharField(read_only=True, help_text="What was found.")
    fix = serializers.CharField(read_only=True, help_text="What exactly to do; empty where all is well.")


class ReportSerializer(serializers.Serializer[Any]):
    """What doctor found."""

    repository = serializers.CharField(read_only=True, help_text="owner/name; empty for the platform alone.")
    state = serializers.ChoiceField(choices=[state.value for state in State], read_only=True)
    examined_at = serializers.DateTimeField(read_only=True)
    took_seconds = serializers.SerializerMethodField()
    findings = FindingSerializer(many=True, read_only=True)

    def get_took_seconds(self, report: Report) -> float:
        """Return how long the examination took."""
        return round(report.took.total_seconds(), 3)


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as plain data."""
    return dict(ReportSerializer(report).data)


def table(report: Report) -> Table:
    """Return the report as a table with each fix below its fact."""
    drawn = Table("Area", "Check", "State", "What was found, and the fix", pad_edge=False)
    for finding in report.findings:
        told = Text(finding.fact)
        if finding.fix:
            told.append(f"\nFix: {finding.fix}", style="bold")
        drawn.add_row(finding.area, finding.name, Text(finding.state, style=_COLOURS[finding.state]), told)
    return drawn
