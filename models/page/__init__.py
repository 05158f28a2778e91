"""Pages for people: one self-contained HTML file, which loads nothing and sends nothing.

``markup`` escapes, ``charts`` draws, ``skeleton`` makes a whole page of sections. Loaded only by
the commands that write pages.
"""
