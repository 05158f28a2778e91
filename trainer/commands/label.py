"""``metalog-train label``: one session a screen."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer


def label(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `suggest` or `metalog-agent label` wrote.")
    ],
) -> None:
    """Say of one session after another whether it was normal; every answer is saved at once.

    Keys: n normal, a anomaly, s skip, b back, space for more lines, q quit. It goes on where it
    stopped.
    """
    from trainer.corpus import ANOMALOUS, NORMAL, UNLABELLED
    from trainer.progress import say
    from trainer.questions import Questions
    from trainer.review import review

    questions = Questions.open(file)
    # Ctrl-C is as good as q: what was answered is saved.
    with suppress(KeyboardInterrupt):
        review(questions)
    say(
        f"{file}: {questions.count(NORMAL)} normal, {questions.count(ANOMALOUS)} anomalous, "
        f"{questions.count(UNLABELLED)} without a label; next: metalog-train adapt BUNDLE --logs "
        f"LOG --labels {file} -o BUNDLE2"
    )
