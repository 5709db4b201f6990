"""Issues that have come go round among readers before they are shelved."""
