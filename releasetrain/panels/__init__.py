"""Draw fragments: page, htmx and socket all ask here, so that all three show the same."""
