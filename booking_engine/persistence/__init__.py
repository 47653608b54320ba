"""Where the core is kept: SQLModel rows behind repositories, and a memory twin."""
