"""Draw the design system in templates."""
