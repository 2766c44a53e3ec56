"""How argocd-deployer works: what is asked, what follows from what Argo CD says, and the steps."""
