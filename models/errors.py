"""Errors that a user can mend."""


class UserError(Exception):
    """Bad input, said in one line: what is wrong, where, and what to do.

    Both programs print it on stderr and exit with code 2, without a traceback.
    """
