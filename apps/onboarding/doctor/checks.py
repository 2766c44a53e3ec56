"""The table of all checks, in the order in which they are told."""

from apps.onboarding.doctor import cluster, github, platform, vault, vendors
from apps.onboarding.doctor.check import Check
from apps.onboarding.doctor.report import Area

CHECKS: tuple[Check, ...] = (
    Check(name="settings", area=Area.PLATFORM, look=platform.configured),
    Check(name="database", area=Area.PLATFORM, look=platform.database),
    Check(name="event-log", area=Area.PLATFORM, look=platform.event_log),
    Check(name="broker", area=Area.PLATFORM, look=platform.broker),
    Check(name="workers", area=Area.PLATFORM, look=platform.workers),
    Check(name="beat", area=Area.PLATFORM, look=platform.beat),
    Check(name="github-credential", area=Area.GITHUB, look=github.credential),
    Check(name="github-repository", area=Area.GITHUB, look=github.repository),
    Check(name="github-reach", area=Area.GITHUB, look=github.reach),
    Check(name="github-permissions", area=Area.GITHUB, look=github.permissions),
    Check(name="github-admin", area=Area.GITHUB, look=github.admin),
    Check(name="github-hooks", area=Area.GITHUB, look=github.hooks),
    Check(name="github-branch", area=Area.GITHUB, look=github.branch),
    Check(name="github-quota", area=Area.GITHUB, look=github.quota),
    Check(name="public-address", area=Area.GITHUB, look=github.public_address),
    Check(name="vault-sign-in", area=Area.VAULT, look=vault.sign_in),
    *(Check(name=f"vault-{kind}", area=Area.VAULT, look=vault.at(kind)) for kind in vault.KINDS),
    Check(name="vault-foreign", area=Area.VAULT, look=vault.foreign),
    Check(name="kubernetes", area=Area.CLUSTER, look=cluster.kubernetes),
    Check(name="argocd", area=Area.CLUSTER, look=cluster.argocd),
    Check(name="platform-repository", area=Area.CLUSTER, look=cluster.platform_repository),
    Check(name="litellm", area=Area.MODELS, look=vendors.models),
    Check(name="object-storage", area=Area.STORAGE, look=vendors.storage),
    Check(name="ntfy", area=Area.NOTICES, look=vendors.notices),
    Check(name="coding-agent", area=Area.SIGN_IN, look=vendors.signing_in),
)
