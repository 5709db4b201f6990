"""A ledger goes over into its next fiscal year: what is still to come is set aside there, and money goes along."""
