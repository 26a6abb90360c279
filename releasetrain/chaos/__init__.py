"""Break a private house on purpose: processes, servers, drivers and metrics fail, and an audit follows."""
