"""What can be wrong with a hook and with a request about it, in words for people, by code."""

from collections.abc import Mapping

from apps.webhooks.repair.states import AlertKind
from meshsix.web.catalog import Words

ALERTS: Mapping[AlertKind, Words] = {
    AlertKind.DELETED: Words(
        means="GitHub has no such webhook any more: nothing comes in by it.",
        hint="Repair makes it anew. If somebody deleted it on purpose, offboard the project instead.",
    ),
    AlertKind.DISABLED: Words(
        means="The webhook is switched off at GitHub: nothing comes in by it.",
        hint="Repair switches it on; what was missed within three days is then asked for.",
    ),
    AlertKind.READDRESSED: Words(
        means="Somebody changed where the webhook sends to, or in which form: nothing of it reaches us.",
        hint="Repair sets our address again. After a change of PUBLIC_URL or WEBHOOK_URL repair every hook.",
    ),
    AlertKind.BAD_SIGNATURES: Words(
        means="The webhook signs with a secret that is not ours, so that nothing of it is believed.",
        hint="Repair gives the webhook a new secret, at Vault and at GitHub; what was refused is then asked for.",
    ),
}

PROBLEMS: dict[str, Words] = {
    "hook:act:for-admins": Words(
        means="What concerns the projects of a whole organization, or gives a webhook a new secret, is for admins.",
        hint="Ask an admin; by token, use one that is not bound to projects.",
    ),
    "hook:repair:refused": Words(
        means="GitHub or Vault does not let us repair the webhook.",
        hint="Read the detail; the doctor (manage.py doctor OWNER/REPO) names the missing permission.",
    ),
    "hook:repair:later": Words(
        means="GitHub or Vault cannot do it right now.", hint="Try again after the seconds in Retry-After."
    ),
}
