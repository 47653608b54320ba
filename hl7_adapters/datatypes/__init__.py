"""HL7 data types: what a field's text means as a time, a person, a code or a length.

A value that cannot be read raises `BadValue`, which names the place and the remedy but
never the value: it may be a patient's. Readers of composite types never fail; they
return what is there, stripped of surrounding spaces.
"""

from hl7_adapters.datatypes.bad_value import BAD_TYPE, MISSING, BadValue
from hl7_adapters.datatypes.code_systems import SNOMED, is_snomed_id, names_of
from hl7_adapters.datatypes.composites import (
    Address,
    Clinician,
    Code,
    EntityId,
    Identifier,
    PersonName,
    read_cwe,
    read_cx,
    read_ei,
    read_xad,
    read_xcn,
    read_xpn,
)
from hl7_adapters.datatypes.durations import duration, read_duration
from hl7_adapters.datatypes.nhs_number import plain_nhs_number
from hl7_adapters.datatypes.times import (
    Precision,
    Purpose,
    Timestamp,
    read_date,
    read_optional_timestamp,
    read_timestamp,
    write_timestamp,
)

__all__ = [
    "BAD_TYPE",
    "MISSING",
    "SNOMED",
    "Address",
    "BadValue",
    "Clinician",
    "Code",
    "EntityId",
    "Identifier",
    "PersonName",
    "Precision",
    "Purpose",
    "Timestamp",
    "duration",
    "is_snomed_id",
    "names_of",
    "plain_nhs_number",
    "read_cwe",
    "read_cx",
    "read_date",
    "read_duration",
    "read_ei",
    "read_optional_timestamp",
    "read_timestamp",
    "read_xad",
    "read_xcn",
    "read_xpn",
    "write_timestamp",
]
