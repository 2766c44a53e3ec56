"""What the stack of one machine tells the platform of the sandbox vendors."""

from deploy.local.vendors import played, smoke_targets, unchosen


def test_a_sandbox_leaves_what_somebody_chose_beside_it_and_nothing_else() -> None:
    told = {"ARGOCD_URL": "http://sandbox", "SMOKE_TARGETS": "argocd-deployer=mesh-six"}
    chosen = {"ARGOCD_URL": "http://elsewhere", "SMOKE_TARGETS": "notifier=console"}
    assert unchosen(told, chosen) == {"ARGOCD_URL": "http://sandbox"}
    assert unchosen(told, {"SMOKE_TARGETS": ""}) == told


def test_smoke_tests_may_write_to_the_sandboxes_that_play_and_to_no_vendor_of_somebody_else() -> None:
    assert smoke_targets(played({})) == {"SMOKE_TARGETS": "argocd-deployer=mesh-six,notifier=ntfy"}
    assert smoke_targets(played({"NTFY_URL": "https://ntfy.example.org"})) == {
        "SMOKE_TARGETS": "argocd-deployer=mesh-six"
    }
    assert smoke_targets(played({"NTFY_URL": "x", "ARGOCD_URL": "y"})) == {"SMOKE_TARGETS": ""}
