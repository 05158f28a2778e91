"""Secrets that are kept in files."""

from pathlib import Path

from models.errors import UserError


def read_secret(file: Path) -> str:
    """Its text without blanks around it. Raises UserError, which does not show it."""
    try:
        return file.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        raise UserError(f"{file}: holds no text") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
