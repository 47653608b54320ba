"""Every problem that the API answers with: its code, HTTP status and meaning.

The one table from `DomainError.code` to HTTP status is here; a test walks all
subclasses. ``GET /problems/{code}`` shows an entry, so `type` can be followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

MEDIA_TYPE: Final = "application/problem+json"  # RFC 9457, section 3
TYPE_ROOT: Final = "/problems/"


Violation: TypeAlias = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Parameters
    ----------
    status
        HTTP status code.
    title
        Always the same for a code.
    meaning
        What it means and what to do.
    """

    status: int
    title: str
    meaning: str


KINDS: Final[dict[str, Kind]] = {
    # Refused by a rule of the domain.
    "domain": Kind(409, "Refused", "A rule refuses the request; the detail says why."),
    "known.not": Kind(
        404, "Not known", "No such thing is stored; check the identifier."
    ),
    "order.transition": Kind(
        409,
        "Not in this state",
        "The order's or appointment's state does not allow this; read it again.",
    ),
    "order.not_bookable": Kind(
        409,
        "Not bookable",
        "No vetting is recorded, or a safety answer blocks; vet or answer first.",
    ),
    "slot.rules": Kind(
        422,
        "Slot breaks a rule",
        "The slot is not allowed for this order; `violations` names the rules.",
    ),
    "slot.taken": Kind(
        409, "Slot taken", "Another booking or hold overlaps; search again."
    ),
    "slot.none": Kind(
        409,
        "No slot",
        "No slot within the horizon is allowed and free; the order goes on waiting.",
    ),
    "patient.busy": Kind(
        409,
        "Patient busy",
        "The patient has another appointment that overlaps; choose another time.",
    ),
    "hold.expired": Kind(
        410, "Hold expired", "The hold lapsed or was released; search again."
    ),
    "version.stale": Kind(
        412,
        "Version changed",
        "Somebody else changed it meanwhile; read it again and use its new ETag.",
    ),
    "store.unavailable": Kind(
        503,
        "Store unavailable",
        "The database cannot be used at the moment; send the same request again.",
    ),
    "order.duplicate": Kind(
        409, "Duplicate order", "The placer number exists with other content."
    ),
    "mapping.conflict": Kind(
        409,
        "Mapped already",
        "The code has another meaning at that time, or the sender another profile; the"
        " detail names it.",
    ),
    "policy.conflict": Kind(
        409,
        "Policy version used before",
        "Another content was in force under this version's name; rename the version.",
    ),
    "value.invalid": Kind(422, "Invalid value", "A value is outside what it may be."),
    # Refused at the edge.
    "request.invalid": Kind(
        422, "Invalid request", "`violations` says which fields are wrong, and how."
    ),
    "profile.invalid": Kind(
        422,
        "Invalid partner profile",
        "`violations` names the line, the column, the key and what to do.",
    ),
    "request.unreadable": Kind(400, "Unreadable request", "Send well-formed JSON."),
    "request.too_large": Kind(
        413, "Request too large", "Bodies are limited to one megabyte."
    ),
    "request.unsupported": Kind(
        415, "Unsupported media type", "Send application/json."
    ),
    "precondition.required": Kind(
        428,
        "If-Match required",
        "Send If-Match with the ETag that you have seen, so that nobody's change is"
        " overwritten.",
    ),
    "precondition.unreadable": Kind(
        400, "Unreadable If-Match", 'Send one ETag as it was given, such as "3".'
    ),
    "idempotency.required": Kind(
        400,
        "Idempotency-Key required",
        "Send a new random Idempotency-Key with each request, and the same one when"
        " repeating it.",
    ),
    "idempotency.in_flight": Kind(
        409, "Still in progress", "The first request with this key is still running."
    ),
    "idempotency.mismatch": Kind(
        422,
        "Idempotency-Key used before",
        "This key was used for another request; use a new one.",
    ),
    "auth.required": Kind(
        401, "Who are you?", "Send Authorization: Bearer with a valid API key."
    ),
    "auth.actor": Kind(
        400,
        "Unreadable X-Actor",
        "X-Actor is person: or interface: and a name of letters, digits and ._@-",
    ),
    "auth.host": Kind(
        421, "Wrong host", "Without API keys only this machine's own names are served."
    ),
    "http.not_found": Kind(404, "No such address", "See /docs for what there is."),
    "http.method": Kind(
        405, "Method not allowed", "See /docs for what this address takes."
    ),
    "http.other": Kind(400, "Request refused", "The detail says why."),
    "internal": Kind(
        500,
        "Internal error",
        "It is logged under the request id; nothing was changed by a failed write.",
    ),
}
"""By code; entries of the domain first."""


class Problem(Exception):
    """A request that the edge refuses, with a code of `KINDS`.

    Parameters
    ----------
    code
        Names the kind.
    detail
        One sentence for a person; never patient data.
    headers
        Added to the response.
    violations
        As in `problem_body`.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        violations: list[Violation] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.violations = violations


def problem_body(
    code: str,
    detail: str,
    *,
    violations: list[Violation] | None = None,
    instance: str = "",
) -> dict[str, object]:
    """Return the members of a problem document (RFC 9457, section 3.1).

    Parameters
    ----------
    violations
        For kinds that list what is wrong: each with `field` or `rule`, and `message`;
        in a profile also with `line` and `column`, from 1.
    instance
        The request id, for the log.
    """
    kind = KINDS[code]
    body: dict[str, object] = {
        "type": TYPE_ROOT + code,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
    }
    if violations is not None:
        body["violations"] = violations
    if instance:
        body["instance"] = f"urn:request:{instance}"
    return body
