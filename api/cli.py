"""The command line ``booking-engine``.

Every command exits 0 on success, 1 on a failure that it explains in one line on
standard error, and 2 on wrong usage. What is heavy is imported by the command that
needs it.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from api.commands import demo, hl7, partner, policy, service, solving
from api.output import explained


class ExplainingGroup(TyperGroup):
    """Commands whose known failures become one line and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            line = explained(error)
            if line is None:
                raise
            typer.echo(f"booking-engine: {line}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    name="booking-engine",
    cls=ExplainingGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # Locals may be patient data.
    pretty_exceptions_show_locals=False,
    help="Takes imaging orders in as HL7, books scanner slots, writes bookings back."
    "\n\nExample: booking-engine demo --orders 200 --once",
)
for module in (service, solving, demo):
    module.register(app)
app.add_typer(hl7.app)
app.add_typer(partner.app)
app.add_typer(policy.app)


def main() -> None:
    """Run the command line."""
    app(prog_name="booking-engine")
