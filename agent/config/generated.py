"""Writes what is generated from the model: the JSON Schema and the tables of the documentation.

python -m agent.config.generated
"""

from pathlib import Path

from agent.config.rendering import tables
from agent.config.schema import SCHEMA_FILE, schema_text

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
BEGIN, END = "<!-- keys: python -m agent.config.generated -->\n", "<!-- end of keys -->\n"


def page_with_tables(page: str) -> str:
    """The page with the tables as they are now. Raises ValueError where their place is not
    marked."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE}: has no place for the tables of keys")
    return "".join((before, BEGIN, "\n", "\n".join(tables()), "\n", END, after))


def main() -> None:
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(page_with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
