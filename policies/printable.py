"""Text that is safe to print, whatever a template puts into its names."""


def printable(text: str) -> str:
    """The text with everything escaped that does not print: line ends, terminal escapes, marks that reverse the reading direction."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
