"""To whom requests of a kind go first: routes that the library has laid down, and a default peer."""
