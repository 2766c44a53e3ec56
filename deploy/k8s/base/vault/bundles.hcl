# Role `meshsix-bundles`: the process that hands credentials out to running sessions. It reads access tokens and never a
# refresh token, which is why the two lie under two paths.

path "secret/data/mesh-six/credentials/+/+/access" {
  capabilities = ["read"]
}
