"""What researcher-agent reads, and what a finding rests on."""
