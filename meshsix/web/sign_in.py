"""Signing in and out: limited by address, and by account after ten failures in a row."""

from datetime import timedelta

import structlog
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from meshsix.kit import clock
from meshsix.web import limits
from meshsix.web.addresses import client_address
from meshsix.web.catalog import wording
from meshsix.web.models import SignInFailures

MOST_FAILURES = 10
LOCKED_FOR = timedelta(minutes=15)

log = structlog.get_logger()


class SignInForm(AuthenticationForm):
    """Name and password. The answer does not tell a wrong name from a wrong password."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "Name and password do not belong together. Check both; capitals count.",
    }

    def clean(self) -> dict[str, object]:
        """Check the password, unless the account is locked; count tries in a row until one succeeds."""
        user = User.objects.filter(username=self.cleaned_data.get("username", "")).first()
        if user is not None and not count_try(user):
            raise ValidationError(f"{wording('account_locked').means} {wording('account_locked').hint}", code="locked")
        cleaned = super().clean()
        if user is not None:
            SignInFailures.objects.filter(user=user).delete()
        return dict(cleaned)


class SignIn(LoginView):
    """The sign-in page; `next` is followed on this host only."""

    form_class = SignInForm
    template_name = "web/sign_in.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: str, **kwargs: object) -> HttpResponse:
        """Sign in, within the limits."""
        taken = limits.take("login", f"address:{client_address(request)}")
        if not taken.allowed:
            return self._refuse(taken)
        return super().post(request, *args, **kwargs)

    def _refuse(self, taken: limits.Taken) -> HttpResponse:
        context = self.get_context_data(form=SignInForm(self.request), limited=taken)
        return self.render_to_response(context, status=429, headers=taken.headers())

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Note who signed in."""
        log.info("signed in", user=form.get_user().get_username(), address=client_address(self.request))
        return super().form_valid(form)


class SignOut(LogoutView):
    """Ends the session; by POST only."""

    http_method_names = ["post", "options"]


@require_safe
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Send people to the one sign-in page: the admin's own has neither the limit by address nor the account's lock.

    Raises PermissionDenied for one who is signed in already and may not enter the admin.
    """
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


@transaction.atomic
def count_try(user: User) -> bool:
    """Count a try and return True, or return False while the account is locked.

    It counts as a failure before the password is looked at, which takes long: tries side by side share the limit.
    The last one allowed locks the account; a success forgets all of it.
    """
    failures, _ = SignInFailures.objects.select_for_update().get_or_create(user=user)
    now = clock.now()
    if failures.locked_until is not None and failures.locked_until > now:
        return False
    failures.count += 1
    if failures.count >= MOST_FAILURES:
        failures.count = 0
        failures.locked_until = now + LOCKED_FOR
        log.warning("account locked", user=user.get_username())
    failures.save()
    return True
