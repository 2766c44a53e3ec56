"""The mirror of GitHub's boards: cards as they were last seen, moves of ours that are under way, and when to look."""

from django.db import models
from django.db.models import Q

from apps.projects.models import Project
from meshsix.kit import clock, ids


class Content(models.TextChoices):
    """What a card is of."""

    ISSUE = "issue", "Issue"
    PULL_REQUEST = "pull_request", "Pull request"
    DRAFT_ISSUE = "draft_issue", "Draft"
    REDACTED = "redacted", "Something that we may not see"


class BoardCard(models.Model):
    """A card of a project's board, as GitHub was last seen to have it.

    `version` counts the changes of this row: whoever writes names the version that they decided on. `status` is what
    GitHub calls the option, `column` what it is for us (columns.py). `workable` says that the card is of an issue of
    the project's repository: only such a card's moves are told. `in_column_since` is GitHub's time of the change that
    brought the card to its column; `missing_since` when a poll first missed it; `removed_at` when it left the board.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="cards")
    item_id = models.CharField(max_length=100)
    version = models.PositiveIntegerField(default=1)
    content = models.CharField(max_length=20, choices=Content)
    workable = models.BooleanField()
    repository = models.CharField(max_length=140, blank=True)
    issue = models.PositiveIntegerField(null=True, blank=True)
    issue_node_id = models.CharField(max_length=100, blank=True)
    issue_open = models.BooleanField()
    title = models.TextField(blank=True)
    url = models.URLField(max_length=500, blank=True)
    author = models.CharField(max_length=100, blank=True)
    labels = models.JSONField(default=list)
    assignees = models.JSONField(default=list)
    status_option_id = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=200, blank=True)
    column = models.CharField(max_length=200, blank=True)
    in_column_since = models.DateTimeField()
    item_updated_at = models.DateTimeField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    seen_at = models.DateTimeField()
    missing_since = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """An item of a board is one row, on the board or gone."""

        db_table = "board_cards"
        ordering = ("-in_column_since", "-id")
        constraints = [
            models.UniqueConstraint(fields=["project", "item_id"], name="board_cards_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="board_cards_version"),
            models.CheckConstraint(condition=Q(content__in=Content.values), name="board_cards_content"),
            models.CheckConstraint(
                condition=Q(workable=False) | Q(content=Content.ISSUE, issue__isnull=False),
                name="board_cards_workable_is_an_issue",
            ),
            models.CheckConstraint(
                condition=Q(status_option_id="", column="") | (~Q(status_option_id="") & ~Q(column="")),
                name="board_cards_column_fits_status",
            ),
            models.CheckConstraint(
                condition=Q(missing_since__isnull=True) | Q(removed_at__isnull=True), name="board_cards_missing_or_gone"
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "column", "-in_column_since"],
                condition=Q(removed_at__isnull=True),
                name="board_cards_column",
            ),
            models.Index(fields=["project", "-id"], condition=Q(removed_at__isnull=True), name="board_cards_listed"),
            models.Index(fields=["project", "issue"], name="board_cards_issue"),
        ]

    def __str__(self) -> str:
        return f"{self.repository}#{self.issue}" if self.issue else self.title or self.item_id


class ExpectedMove(models.Model):
    """A move of ours whose echo has not come yet: written before GitHub is asked, so that the echo is known.

    `from_option_id` is where the card stood. `made_at` is set where GitHub has said yes but somebody had changed the
    card's row meanwhile: the next look then begins at our move.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="expected_moves")
    item_id = models.CharField(max_length=100)
    from_option_id = models.CharField(max_length=100, blank=True)
    option_id = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One a card and target: a repeat renews it."""

        db_table = "board_expected_moves"
        constraints = [
            models.UniqueConstraint(fields=["project", "item_id", "option_id"], name="board_expected_moves_once"),
            models.CheckConstraint(condition=~Q(option_id=""), name="board_expected_moves_has_target"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="board_expected_moves_expires_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} to {self.option_id}"


class BoardWatch(models.Model):
    """When a project's board is polled next, by whom it is being polled, and what came of the last time.

    `lease_id` names the poller that has it until `leased_until`; `failures` counts those since the last success.
    `board_id` is the board that was polled, `cards` how many it had then.
    """

    project = models.OneToOneField(Project, primary_key=True, on_delete=models.CASCADE, related_name="board_watch")
    due_at = models.DateTimeField(default=clock.now)
    lease_id = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True)
    board_id = models.CharField(max_length=100, blank=True)
    cards = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        """A lease has an owner and an end, or neither."""

        db_table = "board_watches"
        verbose_name_plural = "board watches"
        constraints = [
            models.CheckConstraint(
                condition=Q(lease_id__isnull=True, leased_until__isnull=True)
                | Q(lease_id__isnull=False, leased_until__isnull=False),
                name="board_watches_lease",
            ),
            models.CheckConstraint(
                condition=Q(failures=0, error="") | (Q(failures__gt=0) & ~Q(error="")), name="board_watches_error"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="board_watches_due")]

    def __str__(self) -> str:
        return f"board of {self.project_id}"
