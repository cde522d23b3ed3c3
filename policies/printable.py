"""Text that is safe to print, whatever a template puts into its names."""


def printable(text: str) -> str:
    """The text with what does not print escaped: line ends, terminal escapes, marks that turn the reading direction."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
