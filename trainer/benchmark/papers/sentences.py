"""Vectors of whole messages, by the sentence model of one's choice."""

import logging
import os
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from models.errors import UserError
from models.words import Vectors, WordTable, shipped_word_table, tokenize

# Texts -> float32 [texts, dimension]. Learns nothing from them: they include those of the test.
Sentences = Callable[[Sequence[str]], Vectors]


def word_means(texts: Sequence[str]) -> Vectors:
    """The mean of the vectors of each text's words; of the whole table where none is known."""
    table = shipped_word_table()
    unknown = table.mean()
    rows = [[vector for word in tokenize(text) for vector in _of(word, table)] for text in texts]
    return np.array([np.mean(row, axis=0) if row else unknown for row in rows], dtype=np.float32)


def _of(word: str, table: WordTable) -> list[Vectors]:
    """One or none. A word outside the table is the mean of its pieces, as with BERT."""
    pieces = [word] if word in table else table.pieces(word)
    found = [vector for piece in pieces if (vector := table.vector(piece)) is not None]
    return [np.mean(found, axis=0)] if found else []


@cache
def pretrained(model: str) -> Sentences:
    """By sentence-transformers. model: a folder, or a name on its hub, from where it is loaded.

    The words of a message are what the model gets, without numbers and signs, as in the paper.
    Raises UserError where there is no such model.
    """
    # It fills stderr with bars of its own.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ModuleNotFoundError as error:
        raise UserError(
            f"sentence model {model}: {error.name} is not installed: "
            "pip install 'metalog[sentences]'"
        ) from None
    disable_progress_bar()  # type: ignore[no-untyped-call]
    # It says each of its many tries to reach the hub.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        # Safetensors: other weights are pickles.
        loaded = SentenceTransformer(
            model, device="cpu", trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except (OSError, ValueError, KeyError) as error:
        why = str(error).partition("\n")[0]
        raise UserError(f"sentence model {model}: cannot be loaded: {why}") from None

    def encode(texts: Sequence[str]) -> Vectors:
        words = [" ".join(tokenize(text)) for text in texts]
        found = loaded.encode(words, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, dtype=np.float32)

    return encode
