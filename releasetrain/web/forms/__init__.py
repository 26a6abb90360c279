"""Read what people type, and answer each mistake beside its field."""
