"""Methods by name, as ``--methods`` has them."""

from models.errors import UserError
from trainer.benchmark.baselines import BASELINES, possible
from trainer.benchmark.networks import NETWORKS, Network, check_possible, is_network
from trainer.benchmark.papers.catalogue import PAPERS, check_given, is_paper, paper
from trainer.benchmark.protocols import Setting
from trainer.benchmark.task import Method

RULES = "rules"


def chosen(text: str, setting: Setting) -> tuple[str, ...]:
    """Names of methods from a comma-separated list, each once; ``rules`` are all baselines that
    the protocol gives enough to. Raises UserError for a name that means nothing here."""
    protocol = setting.protocol
    names: dict[str, None] = {}
    for name in (part.strip() for part in text.split(",")):
        if name == RULES:
            names |= dict.fromkeys(possible(protocol))
        elif is_network(name):
            check_possible(name, protocol)
            names[name] = None
        elif is_paper(name):
            check_given(name, setting)
            names[name] = None
        elif name not in BASELINES:
            known = ", ".join((*NETWORKS, RULES, *BASELINES, *PAPERS))
            raise UserError(f"--methods {name}: not known; one of {known}")
        elif name not in possible(protocol):
            raise UserError(
                f"--methods {name}: needs more of the target than --protocol {protocol.value} "
                f"gives; this protocol has {', '.join(possible(protocol))}"
            )
        else:
            names[name] = None
    return tuple(names)


def make(name: str) -> Method:
    if is_paper(name):
        return paper(name)
    return BASELINES[name]() if name in BASELINES else Network(name)
