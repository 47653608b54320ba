"""How much the demo's network can scan, counted from the templates of its lists."""

from collections import Counter


def weekly_minutes(catalogue):
    """Return the minutes of all lists in a week, by modality.

    Any 28 days hold exactly four times as much.
    """
    found = Counter()
    for template in catalogue.templates:
        starts, ends = template.starts, template.ends
        length = (ends.hour - starts.hour) * 60 + ends.minute - starts.minute
        modality = catalogue.scanner(template.scanner).modality
        found[modality] += length * len(template.weekdays)
    return found
