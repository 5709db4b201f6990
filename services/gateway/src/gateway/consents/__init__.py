"""What people let programs do for them: asked once, written down, withdrawn at any time."""
