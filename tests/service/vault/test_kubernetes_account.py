"""Signing in to Vault as a pod does: OpenBao asks the cluster whose token it was given."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deploy.sandbox.base import running
from meshsix.integrations.errors import Refused
from meshsix.integrations.vault import KubernetesAccount
from tests.rooted_bao import EVERYTHING, RootedBao

KEY = ec.generate_private_key(ec.SECP256R1())
ISSUER = "https://kubernetes.default.svc.cluster.local"
ACCOUNT = "system:serviceaccount:mesh-six:default"


async def review(request: Request) -> JSONResponse:
    """Answer a TokenReview as a cluster does that gave the token: see its API reference, authentication.k8s.io/v1."""
    asked = (await request.json())["spec"]["token"]
    try:
        claims = jwt.decode(asked, KEY.public_key(), algorithms=["ES256"], audience=ISSUER)
    except jwt.InvalidTokenError as error:
        return JSONResponse({"kind": "TokenReview", "status": {"authenticated": False, "error": str(error)}}, 201)
    user = {"username": claims["sub"], "uid": "uid-1", "groups": ["system:serviceaccounts"]}
    status = {"authenticated": True, "user": user, "audiences": claims["aud"]}
    return JSONResponse({"kind": "TokenReview", "status": status}, 201)


def account_token() -> str:
    now = datetime.now(UTC)
    account = {"name": "default", "uid": "uid-1"}
    claims = {
        "iss": ISSUER,
        "sub": ACCOUNT,
        "aud": [ISSUER],
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(hours=1),
        "kubernetes.io": {"namespace": "mesh-six", "serviceaccount": account},
    }
    return jwt.encode(claims, KEY, algorithm="ES256")


def any_authority() -> str:
    """Return a certificate; OpenBao wants one even where the cluster speaks plain HTTP."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority.example.org")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=KEY.public_key(),
        serial_number=1,
        not_valid_before=now,
        not_valid_after=now + timedelta(days=1),
    ).sign(KEY, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


def configure(server: RootedBao, cluster_url: str) -> None:
    server.root.sys.enable_auth_method("kubernetes")
    reviewer = {"kubernetes_host": cluster_url, "kubernetes_ca_cert": any_authority(), "disable_local_ca_jwt": True}
    server.root.write_data("auth/kubernetes/config", data={**reviewer, "token_reviewer_jwt": account_token()})
    server.root.sys.create_or_update_acl_policy("pods", EVERYTHING)
    server.root.auth.kubernetes.create_role(
        "mesh-six",
        bound_service_account_names=["default"],
        bound_service_account_namespaces=["mesh-six"],
        policies=["pods"],
        ttl="1h",
    )


def test_a_pods_account_signs_in_and_a_foreign_one_does_not(rooted: RootedBao, tmp_path: Path) -> None:
    reviews = Starlette(routes=[Route("/apis/authentication.k8s.io/v1/tokenreviews", review, methods=["POST"])])
    token_file = tmp_path / "token"
    with running(reviews) as cluster_url:
        configure(rooted, cluster_url)
        token_file.write_text(account_token() + "\n")
        vault = rooted.vault(KubernetesAccount(role="mesh-six", token_file=token_file))
        before = rooted.tokens()
        assert vault.write("pods/secret", {"secret": "planted"}, cas=0) == 1
        (mine,) = rooted.tokens() - before
        rooted.root.auth.token.revoke_accessor(mine)
        token_file.write_text(account_token())
        assert vault.read("pods/secret").data["secret"] == "planted", "it signs in again with the file's present token"
        token_file.write_text(f"{account_token()[:-8]}AAAAAAAA")
        stranger = rooted.vault(KubernetesAccount(role="mesh-six", token_file=token_file))
        with pytest.raises(Refused) as refused:
            stranger.read("pods/secret")
        assert refused.value.code == "vault:sign-in-refused"
