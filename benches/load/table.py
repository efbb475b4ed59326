"""Markdown tables, and the format of their numbers."""

from statistics import median


def show(title, columns, rows):
    """Prints a table; the first columns hold text, the further columns numbers, aligned to the right."""
    print(f"\n### {title}\n")
    texts = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in rows]
    marks = ["---:" if all(not isinstance(row[i], str) or is_numeric(row[i]) for row in rows) else "---"
             for i in range(len(columns))]
    for row in [columns, marks, *texts]:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def is_numeric(text):
    return text[:1].isdigit() or text[:1] in "–<"


def number(value):
    """Formats a number with at least three significant digits."""
    if value is None:
        return "–"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def millis(micros):
    return number(micros / 1000)


def mib(octets):
    return f"{octets / 2**20:.1f}"


def medians(rounds):
    """Returns the median of each figure over the rounds."""
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def ratios(ours, theirs):
    """Returns the ratio of two series measured in turn, as least, median and most."""
    each = sorted(a / b for a, b in zip(ours, theirs))
    return each[0], median(each), each[-1]


def spread(least, middle, most):
    return f"{middle:.2f} ({least:.2f}–{most:.2f})"
