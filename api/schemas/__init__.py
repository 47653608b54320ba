"""What goes over HTTP: plain pydantic models, never table rows."""
