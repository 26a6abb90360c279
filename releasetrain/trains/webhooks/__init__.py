"""Read what code hosts send; one module a host, pure."""
