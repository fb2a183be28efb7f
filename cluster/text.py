"""Words for what a store or Dataset holds, and how many."""


def measure_in_words(measure: str) -> str:
    """What the effect matrix holds, so that no ordinal level passes for a gene effect."""
    return {
        "effect": "gene effect: 0 none, -1 common essential",
        "dependency": "dependency probability 0..1, higher is more essential",
        "level": "ordinal dependency level, higher is more essential; not a gene effect",
    }[measure]


def spaced(number: int) -> str:
    """A whole number with its thousands apart: `20 215`."""
    return f"{number:,}".replace(",", " ")


def counted(number: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
