"""What the stack of one machine tells the platform of the sandbox vendors."""

from deploy.local.vendors import unchosen


def test_a_sandbox_leaves_what_somebody_chose_beside_it_and_nothing_else() -> None:
    told = {"ARGOCD_URL": "http://sandbox", "SMOKE_TARGETS": "argocd-deployer=mesh-six"}
    chosen = {"ARGOCD_URL": "http://elsewhere", "SMOKE_TARGETS": "notifier=console"}
    assert unchosen(told, chosen) == {"ARGOCD_URL": "http://sandbox"}
    assert unchosen(told, {"SMOKE_TARGETS": ""}) == told
