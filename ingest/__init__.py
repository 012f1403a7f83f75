"""The gate: what the source said, and when. The only room with HTTP and websockets.

See docs/architecture.md#packages, docs/architecture.md#sources.
"""
