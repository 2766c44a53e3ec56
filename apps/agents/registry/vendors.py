"""What `vendor(NAME)` means in an agent's checks: one cheap call that only works with a good address and credential.

Each returns a few words for people, or raises a vendor's error. settings.AGENT_VENDOR_CHECKS names them.
"""

from django.conf import settings

from meshsix.integrations.errors import Refused
from meshsix.wiring import Clients


def _not_configured(vendor: str, setting: str) -> Refused:
    return Refused(
        f"{vendor} is not configured.", code=f"{vendor}:not-configured", vendor=vendor, hint=f"Set {setting}."
    )


def litellm(clients: Clients) -> str:
    """Ask for the names of the models."""
    if clients.litellm is None:
        raise _not_configured("litellm", "LITELLM_URL")
    return f"{len(clients.litellm.models())} models"


def argocd(clients: Clients) -> str:
    """Ask for the names of the applications that our account sees."""
    if clients.argocd is None:
        raise _not_configured("argocd", "ARGOCD_URL")
    return f"{len(clients.argocd.applications().names())} applications"


def kubernetes(clients: Clients) -> str:
    """Ask what our account may do."""
    if clients.cluster is None:
        raise _not_configured("kubernetes", "KUBERNETES_API_URL or KUBECONFIG")
    return _granted("kubernetes", clients.cluster.may("get", "pods"), "read pods")


def vault(clients: Clients) -> str:
    """Look at our own token."""
    if not settings.VAULT_ADDR:
        raise _not_configured("vault", "VAULT_ADDR")
    clients.vault.token_facts()
    return "takes our token"


def storage(clients: Clients) -> str:
    """Look for the bucket."""
    return _granted("storage", clients.storage.has_bucket(), f"find the bucket {settings.S3_BUCKET}")


def ntfy(clients: Clients) -> str:
    """Ask whether our token is taken."""
    if clients.ntfy is None:
        raise _not_configured("ntfy", "NTFY_URL")
    return _granted("ntfy", clients.ntfy.listens(), "use a healthy server")


def _granted(vendor: str, granted: bool, what: str) -> str:  # noqa: FBT001 - an answer that is passed on
    if granted:
        return f"may {what}"
    raise Refused(f"{vendor} does not let us {what}.", code=f"{vendor}:forbidden", vendor=vendor)
