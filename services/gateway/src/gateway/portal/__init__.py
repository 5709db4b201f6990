"""The API page: one merged OpenAPI document that works offline."""
