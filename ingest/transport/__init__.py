"""Talk to services over HTTP: limits on bodies, circuit breakers, endpoints."""
