"""The messages that the conformance table is measured with, in each version."""

from __future__ import annotations

from collections import defaultdict

ORM, OMG, OMI = "ORM^O01", "OMG^O19", "OMI^O23"
VERSIONS = {
    ORM: ("2.3", "2.3.1", "2.4", "2.5", "2.5.1"),
    OMG: ("2.4", "2.5", "2.5.1"),
    OMI: ("2.5", "2.5.1"),
}
"""Where each message exists (HL7 chapter 4)."""


def header(kind: str, version: str, control_id: str, at: str) -> str:
    """Return MSH."""
    return rf"MSH|^~\&|EPR|RA1|BOOKING||{at}||{kind}|{control_id}|P|{version}"


PID = "PID|1||X1234^^^RA1^MR~9990000018^^^NHS^NH||Tester^Anna||19620412|F|||^^^^M13 9WL"
PV1 = "PV1|1|O|CLINIC4^^^RA101"
ANSWERS = ("OBX|1|CE|PACE||N||||||F", "OBX|2|CE|IMPL||N||||||F")


def order(
    kind: str,
    version: str,
    control: str,
    *,
    control_id: str = "C1",
    at: str = "20261124090000",
    status: str = "",
    result: str = "",
    code: str = "MHEAD^MR head^NICIP",
) -> bytes:
    """Return an order message of a kind, in a version, with an order control."""
    segments = [header(kind, version, control_id, at), PID, PV1]
    numbers = [(control, "P1", "F1" if control in FILLERS else "")]
    if control in FOLLOWED_BY:
        numbers.append((FOLLOWED_BY[control], *SECOND[control]))
    for number, (each, placer, filler) in enumerate(numbers, 1):
        own = f"{placer}^RA1" if placer else ""
        timing = "^^^^^R" if version < "2.5" and kind != OMI else ""
        segments.append(f"ORC|{each}|{own}|{filler}||{status}||{timing}||{at}")
        if version >= "2.5":
            segments.append("TQ1|1||||||||R")
        segments.append(
            f"OBR|{number}|{own}|{filler}|{code}||{at}" + "|" * 18 + f"MR|{result}"
        )
        segments += ANSWERS
        if kind == OMI:
            segments.append(f"IPC|ACC{number}|RP1|1.2.3.4|SPS1|MR")
    return "\r".join(segments).encode() + b"\r"


FOLLOWED_BY = {"RP": "RO", "RU": "RO", "PA": "CH"}
"""Order controls that stand before others in one message."""
SECOND = {"RP": ("P2", ""), "RU": ("P2", "F2"), "PA": ("P1", "F2")}
"""Placer and filler number of the order that follows."""
FILLERS = frozenset(
    ("OK", "UA", "OC", "OD", "XX", "RU", "OH", "OE", "SC", "SN", "NA", "SR", "RE", "PA")
)
"""Order controls that a filler writes (table 0119)."""

CONTROL_NAMES = {
    "NW": "new order",
    "XO": "change order",
    "CA": "cancel order",
    "DC": "discontinue",
    "RP": "replace",
    "RO": "replacement",
    "HD": "hold",
    "RL": "release hold",
    "SS": "ask for status",
    "SN": "ask for a number",
    "NA": "number assigned",
    "SC": "status changed",
    "OC": "cancelled by filler",
    "OD": "discontinued by filler",
    "OH": "held by filler",
    "OE": "released by filler",
    "XX": "changed by filler",
    "RU": "replaced by filler",
    "OK": "request accepted",
    "UA": "unable to accept",
    "PA": "parent order",
    "CH": "child order",
    "RE": "observations follow",
    "DE": "data errors",
    "SR": "status reported",
}
"""What the order controls mean (table 0119)."""


ADT_VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
OTHER_PID = PID.replace("X1234^^^RA1^MR~", "X9999^^^RA1^MR~").replace(
    "~9990000018^^^NHS^NH", ""
)
MERGES = frozenset(("A18", "A34", "A39", "A40", "A47"))


def adt(
    event: str, version: str, *, at: str = "20261124090100", pid: str = PID
) -> bytes:
    """Return a patient administration message about the patient of `order`."""
    segments = [
        header(f"ADT^{event}", version, "C2", at),
        f"EVN|{event}|{at}",
        OTHER_PID if event in MERGES else pid,
    ]
    if event in MERGES:
        segments.append("MRG|X1234^^^RA1^MR")
    inpatient = event in {"A01", "A02", "A06", "A13"}
    segments.append(PV1.replace("|O|", "|I|") if inpatient else PV1)
    if event == "A60":
        segments.append("IAM|1|DA|IODCON^Iodinated contrast||A|A1")
    return "\r".join(segments).encode() + b"\r"


SIU_VERSIONS = ("2.3.1", "2.4", "2.5", "2.5.1")


def siu(
    event: str,
    version: str,
    *,
    number: str = "EXT1",
    control_id: str = "C2",
    at: str = "20261124090100",
    starts: str = "20261201100000",
) -> bytes:
    """Return what a system that keeps its own diary sends about a scanner's time."""
    timing = "" if version >= "2.5" else f"^^^{starts}"
    sch = f"SCH|{number}|{number}||||CHANGE^Change|||20|min|{timing}|||||CLERK||||CLERK"
    segments = [header(f"SIU^{event}^SIU_S12", version, control_id, at), sch]
    if version >= "2.5":
        segments.append(f"TQ1|1||||||{starts}")
    if event not in {"S23", "S24"}:
        segments += [PID, PV1]
    segments += [
        "RGS|1|A",
        f"AIG|1|A|MRROOM1^MR room 1|MR|||{starts}||||20|min".replace(
            f"|MR|||{starts}", f"|MR||||{starts}"
        ),
    ]
    return "\r".join(segments).encode() + b"\r"


NEXT = defaultdict(lambda: "20261201100000", S13="20261202100000", S14="20261202100000")
"""When the appointment is after each event: rescheduling gives it another day."""

DAY = defaultdict(lambda: "20261201", S02="20261202")
"""The day that each request asks for."""

ASKING = ("NW", "XO", "CA", "DC", "HD", "RL", "RP", "SS", "SN")
"""The order controls that ask for something, and so have an answer."""

ORDER_STATES = (
    ("SC", "SC", ""),
    ("SC", "IP", ""),
    ("SC", "CM", ""),
    ("SC", "CA", ""),
    ("SC", "DC", ""),
    ("SC", "HD", ""),
    ("NW", "SC", ""),
    ("NW", "CA", ""),
    ("NW", "CM", ""),
    ("RE", "", "F"),
)
"""Order controls with order states (table 0038) and result states (table 0123)."""

CHANGED_PID = {
    "with another address": PID.replace("M13 9WL", "BL4 0JR"),
    "who has died": f"{PID}" + "|" * 18 + "20261123|Y",
    "without identifier": PID.replace("X1234^^^RA1^MR~9990000018^^^NHS^NH", ""),
    "whose name is deleted": PID.replace("Tester^Anna", '""'),
}

EVENT_NAMES = {
    "A01": "admitted",
    "A02": "transferred",
    "A03": "discharged",
    "A04": "registered",
    "A05": "pre-admitted",
    "A06": "became an inpatient",
    "A07": "became an outpatient",
    "A08": "details updated",
    "A11": "admission cancelled",
    "A12": "transfer cancelled",
    "A13": "discharge cancelled",
    "A18": "merged",
    "A23": "visit deleted",
    "A28": "person added",
    "A29": "person deleted",
    "A31": "person updated",
    "A34": "merged",
    "A37": "unlinked",
    "A38": "pre-admission cancelled",
    "A39": "merged",
    "A40": "merged",
    "A42": "visits merged",
    "A43": "moved",
    "A44": "account moved",
    "A45": "visit moved",
    "A47": "identifier changed",
    "A60": "allergies",
    "S12": "booked",
    "S13": "rescheduled",
    "S14": "modified",
    "S15": "cancelled",
    "S16": "discontinued",
    "S17": "deleted",
    "S18": "service added",
    "S19": "service modified",
    "S20": "service cancelled",
    "S21": "service discontinued",
    "S22": "service deleted",
    "S23": "time closed",
    "S24": "time opened",
    "S26": "did not attend",
}
"""What the trigger events mean (table 0003)."""


SRM_VERSIONS = ("2.3.1", "2.4", "2.5", "2.5.1")


def srm(
    event: str,
    version: str,
    *,
    control_id: str = "C2",
    at: str = "20261124090100",
    day: str = "20261201",
) -> bytes:
    """Return a request for an appointment of the order of `order`."""
    wanted = f"{day}080000^{day}120000"
    arq = f"ARQ|REQ1||||||||20|min|{wanted}|R|||^Clerk||||^Clerk||||"
    segments = [header(f"SRM^{event}^SRM_S01", version, control_id, at)]
    segments.append(arq if version == "2.3.1" else f"{arq}|P1^RA1")
    segments += [PID, "RGS|1|A"]
    if version == "2.3.1":
        segments.append("ZBK||||||P1^RA1")
    return "\r".join(segments).encode() + b"\r"


def sqm(version: str, *, at: str = "20261124090100") -> bytes:
    """Return a query for free time of one scanner."""
    segments = [
        header("SQM^S25", version, "C2", at),
        f"QRD|{at}|R|I|Q1|||5^RD|^^|APN|ALL",
        "ARQ|REQ1||||||||20|min|20261201^20261201||||^Clerk||||^Clerk",
        "RGS|1",
        "AIG|1||MRROOM1|MR",
    ]
    return "\r".join(segments).encode() + b"\r"


REQUEST_NAMES = {
    "S01": "book",
    "S02": "reschedule",
    "S03": "modify",
    "S04": "cancel",
    "S05": "discontinue",
    "S06": "delete",
    "S07": "add a service",
    "S08": "modify a service",
    "S09": "cancel a service",
    "S10": "discontinue a service",
    "S11": "delete a service",
    "S25": "what is free",
}
"""What the requests ask for (table 0003)."""
