"""What HTTP has to remember: requests that must not be done twice, failed sign-ins in a row."""

from django.conf import settings
from django.db import models


class IdempotentRequest(models.Model):
    """A POST that carried an Idempotency-Key: whose, for what, and which resource it made."""

    actor = models.CharField(max_length=200)
    idempotency_key = models.CharField(max_length=200)
    path = models.CharField(max_length=300)
    body_sha256 = models.CharField(max_length=64)
    resource_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "web_idempotent_requests"
        constraints = [
            models.UniqueConstraint(fields=["actor", "idempotency_key"], name="web_one_request_a_key"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.idempotency_key}"


class SignInFailures(models.Model):
    """How often sign-in failed in a row for an account, and until when it is locked."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "web_sign_in_failures"
        verbose_name_plural = "sign-in failures"

    def __str__(self) -> str:
        return f"{self.user}: {self.count}"
