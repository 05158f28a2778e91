"""Labels given at a terminal: one session a screen, a key an answer, saved after each."""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from rich.console import Console, Group, RenderableType
from rich.text import Text

from models.errors import UserError
from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED
from trainer.printable import printable
from trainer.questions import Question, Questions

_KEYS = "n normal   a anomaly   s skip   b back   space more lines   q quit"
_SAID = {NORMAL: "normal", ANOMALOUS: "anomaly"}
_MOST_REASONS = 5
# Rows of the screen that a heavy line may take; others are cut at its edge.
_ROWS_OF_REASON = 3
_LONGEST = 2000
_LONGEST_NAME = 200
# Rows of the screen that are kept for the lines in their order.
_FEWEST_LINES = 3


class Key(Enum):
    """What a key asks for."""

    NORMAL = "n"
    ANOMALY = "a"
    SKIP = "s"
    BACK = "b"
    MORE = " "
    QUIT = "q"


_LABELS = {Key.NORMAL: NORMAL, Key.ANOMALY: ANOMALOUS, Key.SKIP: UNLABELLED}


@dataclass
class Review:
    """Where a review stands. place: of the question on the screen, the number of questions where
    all were asked; page: of its lines."""

    questions: Questions
    place: int
    page: int = 0

    @classmethod
    def of(cls, questions: Questions) -> "Review":
        """Goes on where the last one stopped."""
        return cls(questions, questions.first_open())

    def press(self, key: Key) -> bool:
        """Do what a key asks for; False when the review is over."""
        if key is Key.QUIT:
            return False
        if key is Key.MORE:
            self.page += 1
            return True
        if key is Key.BACK:
            self.place = max(0, self.place - 1)
        else:
            self.questions.answer(self.place, _LABELS[key])
            self.place += 1
        self.page = 0
        return self.place < len(self.questions)

    def screen(self, console: Console) -> RenderableType:
        """The question, no higher than the console."""
        question = self.questions[self.place]
        width, height = console.size.width, console.size.height
        reasons = _reasons(question)
        head = [self._headline(), *_about(question)]
        for number, (line, weight) in list(reasons.items())[:_MOST_REASONS]:
            text = Text.assemble((f"{weight:>6} ", "bold red"), _shown(question, number, line))
            rows = list(text.wrap(console, width, tab_size=1))
            head += rows[:_ROWS_OF_REASON]
        # Beside these: an empty row, one that says which lines they are, and the keys.
        room = max(min(_FEWEST_LINES, height - 4), height - len(head) - 3, 1)
        head = head[: max(1, height - room - 3)]
        return Group(*head, Text(), *self._lines(question, reasons, room), Text(_KEYS, "bold"))

    def _headline(self) -> Text:
        questions = self.questions
        answered = len(questions) - questions.count(UNLABELLED)
        question = questions[self.place]
        said = "passed over" if question.passed_over else _SAID.get(question.label, "")
        return Text.assemble(
            (f"{self.place + 1} of {len(questions)}", "bold"),
            f", {answered} answered",
            (f"   now: {said}" if said else "", "bold green"),
        )

    def _lines(
        self, question: Question, reasons: dict[int, tuple[str, str]], room: int
    ) -> Iterator[Text]:
        pages = -(-len(question.events) // room)
        start = self.page % pages * room
        shown = question.events[start : start + room]
        for number, line in enumerate(shown, start=start):
            style = "red" if number in reasons else ""
            yield _row(_shown(question, number, line), style)
        for _ in range(room - len(shown)):
            yield Text()
        stop = start + len(shown)
        yield Text(f"lines {start + 1} to {stop} of {len(question.events)}", "dim")


def review(questions: Questions) -> None:
    """Ask at the terminal until all is answered or ``q`` is pressed. Raises UserError where there
    is no terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            f"{questions.path}: single keys give the labels, which needs a terminal; or write "
            '"normal" or "anomaly" in the place of null in an editor'
        )
    state = Review.of(questions)
    if state.place == len(questions):
        # Everything has been looked at: show it again, answers and all.
        state.place = 0
    console = Console()
    with console.screen(hide_cursor=True) as screen, _keys(sys.stdin.fileno()) as pressed:
        going = len(questions) > 0
        while going:
            screen.update(state.screen(console))
            key = pressed()
            going = key is not None and state.press(key)


@contextmanager
def _keys(descriptor: int) -> Iterator[Callable[[], Key | None]]:
    """Yields a function that waits for a key that means something; None where the terminal is
    gone. Ctrl-C works as ever."""
    before = termios.tcgetattr(descriptor)

    def read() -> Key | None:
        while True:
            # Again and again: who stops the program and goes on has the shell's own mode. And what
            # was typed ahead stays.
            tty.setcbreak(descriptor, termios.TCSANOW)
            try:
                typed = os.read(descriptor, 1)
            except OSError:
                return None
            if not typed or typed == b"\x04":
                return None
            if typed == b"\x1b":
                _skip_sequence(descriptor)
                continue
            try:
                return Key(typed.decode("ascii", "replace").lower())
            except ValueError:
                continue

    try:
        yield read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _skip_sequence(descriptor: int) -> None:
    """Of an arrow or function key, all that follows its escape: it ends with a letter or a tilde.
    Else its last letter would be an answer."""
    first = True
    while select.select([descriptor], [], [], 0.02)[0]:
        typed = os.read(descriptor, 1)
        if not typed or (not first and 0x40 <= typed[0] <= 0x7E) or (first and typed not in b"[O"):
            return
        first = False


def _about(question: Question) -> Iterator[Text]:
    record = question.record
    said = {
        name: printable(str(record[name]), _LONGEST_NAME)
        for name in ("score", "source", "first_time", "last_time", "note")
        if record.get(name) not in (None, "")
    }
    times = dict.fromkeys(said[name] for name in ("first_time", "last_time") if name in said)
    named = [f"{name} {said[name]}" for name in ("score", "note") if name in said]
    yield _row(printable(question.key, _LONGEST_NAME), "bold")
    yield _row("   ".join([f"{len(question.events)} lines", *named]), "dim")
    if "source" in said or times:
        yield _row("   ".join(filter(None, [said.get("source"), " to ".join(times)])), "dim")


def _row(text: str, style: str) -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _reasons(question: Question) -> dict[int, tuple[str, str]]:
    """What speaks for an anomaly: line number to its text and weight, the heaviest first."""
    why = question.record.get("why")
    found: dict[int, tuple[str, str]] = {}
    for one in why if isinstance(why, list) else []:
        line = one.get("line") if isinstance(one, dict) else None
        weight = one.get("weight") if isinstance(one, dict) else None
        if not isinstance(line, int) or not isinstance(weight, int | float) or weight <= 0:
            continue
        if 1 <= line <= len(question.events):
            found[line - 1] = (question.events[line - 1], f"{weight:+.1f}")
    return found


def _shown(question: Question, number: int, line: str) -> str:
    width = len(str(len(question.events)))
    return f"{number + 1:>{width}}  {printable(line, _LONGEST)}"
