"""The PIN of a library card: set by its holder or at the desk, asked for at the doors that know no campus sign-on."""
