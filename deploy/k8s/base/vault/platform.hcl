# Role `meshsix-platform`: web, workers, beat and agents. KV v2 is mounted at `secret`; write another mount's name where yours differs.

# Webhook secrets, under the present names and the older flat ones (both lie below mesh-six/webhooks).
path "secret/data/mesh-six/webhooks/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "secret/metadata/mesh-six/webhooks/*" {
  capabilities = ["read", "list", "delete"]
}
path "secret/destroy/mesh-six/webhooks/*" {
  capabilities = ["update"]
}

# What a coding agent signs in with: .../access and .../refresh.
path "secret/data/mesh-six/credentials/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "secret/metadata/mesh-six/credentials/*" {
  capabilities = ["read", "list", "delete"]
}
path "secret/destroy/mesh-six/credentials/*" {
  capabilities = ["update"]
}

# What an open sign-in keeps until it ends: verifier, device code, pasted code.
path "secret/data/mesh-six/logins/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "secret/metadata/mesh-six/logins/*" {
  capabilities = ["read", "list", "delete"]
}

# The projects' model keys.
path "secret/data/mesh-six/litellm/*" {
  capabilities = ["create", "read", "update", "delete"]
}
path "secret/metadata/mesh-six/litellm/*" {
  capabilities = ["read", "list", "delete"]
}
path "secret/destroy/mesh-six/litellm/*" {
  capabilities = ["update"]
}

# Where notices go: addresses of chats' webhooks, topics.
path "secret/data/mesh-six/notify/*" {
  capabilities = ["create", "read", "update"]
}
