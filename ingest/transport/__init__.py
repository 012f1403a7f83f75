"""Send requests over HTTP, with limits on responses, retries and circuit breakers."""
