"""The methods that the paper's tables 1 and 2 set beside MetaLog, run on the same split.

Each module is one method, after the paper that its docstring names, with its departures; none
imports another's. What they share: ``settings`` is what each block of those tables gives a method,
``trial`` gives all of them the same validation, ``sequences`` and ``learning`` are batches and a
training loop, ``recurrent`` and ``classifier`` what several networks are made of.
"""
