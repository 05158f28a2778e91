"""A web shop whose services log to one syslog (RFC 3164): the target system.

A session is one order, through whatever services it meets. Its faults speak of other things, in
other words, than those of the block store: what carries over from there is not vocabulary.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from trainer.demo.dice import Dice
from trainer.demo.order import CARRIERS, Order, logged
from trainer.demo.story import (
    Scene,
    Step,
    ended_after,
    followed,
    moved_before,
    play,
    thinned,
    without,
)
from trainer.demo.system import DemoSystem

HOSTS = ("shop-1", "shop-2", "shop-3")
# Process numbers on the first host; each further host adds one. The kernel has none.
PROCESSES = {
    "checkout": 311,
    "payment": 2207,
    "stock": 418,
    "warehouse": 5120,
    "shipping": 977,
    "mailer": 640,
    "download": 1893,
    "counter": 702,
    "returns": 3315,
    "cron": 129,
    "kernel": 0,
    "sshd": 8041,
}


def cart(order: Order, *choices: Step) -> list[Step]:
    """The cart is validated first; what the customer chooses then has no fixed order."""
    dice = order.dice
    free = [[choice] for choice in choices]
    if dice.chance(0.15):
        free.append([order.voucher_applied()])
    elif dice.chance(0.07):
        free.append([order.voucher_rejected()])
    arrival = [order.signed_in()] if dice.chance(0.7) else []
    return [*arrival, order.cart_validated(), *dice.interleaved(*free)]


def authorisation(order: Order) -> list[Step]:
    dice = order.dice
    slow = dice.whole(1, 2) if dice.chance(0.12) else 0
    challenge = [order.challenged(), order.identified()] if dice.chance(0.3) else []
    return [
        order.authorising(),
        *challenge,
        *(order.bank_slow() for _ in range(slow)),
        order.approved(),
    ]


def reservation(order: Order) -> list[Step]:
    return [*(order.reserved(article) for article in order.articles), order.all_reserved()]


def delivery(order: Order) -> list[Step]:
    dice = order.dice
    choices = [order.address_confirmed()]
    if dice.chance(0.15):
        choices.append(order.gift_wrapped())
    doubt = [order.address_unknown()] if dice.chance(0.06) else []
    return [
        *cart(order, *choices),
        *doubt,
        *authorisation(order),
        *dice.interleaved(reservation(order), [order.confirmed()]),
        *(order.picked(article) for article in order.articles),
        order.packed(),
        *dice.interleaved([order.captured(), order.invoiced()], [order.labelled()]),
        order.handed_over(),
    ]


def digital(order: Order) -> list[Step]:
    downloads = [
        step
        for _ in range(order.dice.whole(0, 3))
        for step in (order.downloading(), order.downloaded())
    ]
    return [
        *cart(order),
        *authorisation(order),
        order.captured(),
        *order.dice.interleaved(
            [*(order.licensed(article) for article in order.articles), order.linked()],
            [order.confirmed(), order.invoiced()],
        ),
        *downloads,
    ]


def collection(order: Order) -> list[Step]:
    reminders = order.dice.one_of((0, 1, 2), (0.7, 0.2, 0.1))
    return [
        *cart(order, order.branch_chosen()),
        *authorisation(order),
        *reservation(order),
        *(order.picked(article) for article in order.articles),
        order.shelved(),
        order.code_sent(),
        *(order.reminded() for _ in range(reminders)),
        order.collected(),
        order.captured(),
        order.invoiced(),
    ]


def sent_back(order: Order) -> list[Step]:
    """The way back of an order that was delivered long before."""
    inspection = [
        step
        for article in order.articles
        for step in (
            order.inspected(article),
            order.worn(article) if order.dice.chance(0.1) else order.back_on_shelf(article),
        )
    ]
    return [
        order.return_asked(),
        order.return_label(),
        order.came_back(),
        *inspection,
        order.refund_granted(),
        order.refund_paid(),
    ]


def called_off(order: Order) -> list[Step]:
    return [
        *cart(order, order.address_confirmed()),
        *authorisation(order),
        *reservation(order),
        order.cancelled(),
        *order.dice.interleaved(
            [order.released(article) for article in order.articles],
            [order.voided(), order.cancellation_mailed()],
        ),
    ]


def fraud(order: Order) -> list[Step]:
    score = order.dice.whole(91, 99)
    added = [
        logged("fraud", "payment", f"fraud suspected on {order.key}, stolen wallet score {score}"),
        logged("frozen", "payment", f"account {order.customer} frozen because of {order.key}"),
    ]
    return ended_after(order.dice.one_of((delivery, digital))(order), "authorising", added)


def oversold(order: Order) -> list[Step]:
    article = order.dice.one_of(order.articles)
    content = f"ALARM oversold {article}: ledger promises 4, bin is bare, {order.key} stuck"
    steps = order.dice.one_of((delivery, collection))(order)
    return ended_after(steps, "picked", [logged("oversold", "warehouse", content, pause=1.0)])


def crushed(order: Order) -> list[Step]:
    belt = order.dice.whole(1, 9)
    content = f"conveyor belt {belt} jammed, parcel of {order.key} crushed, contents spilled"
    return followed(delivery(order), "packed", [logged("crushed", "shipping", content)])


def disputed(order: Order) -> list[Step]:
    content = f"bank disputes signature on {order.key} as forged, chargeback begins"
    return followed(digital(order), "captured", [logged("disputed", "payment", content, pause=1.0)])


def wrong_tax(order: Order) -> list[Step]:
    rule = order.dice.whole(1000, 1999)
    content = f"tax calculator panicked on {order.key}: nonsense rate in rule {rule}"
    added = [logged("wrong tax", "checkout", content)]
    return ended_after(order.dice.one_of((delivery, digital))(order), "cart validated", added)


def never_captured(order: Order) -> list[Step]:
    return without(order.dice.one_of((delivery, digital, collection))(order), "captured")


def never_packed(order: Order) -> list[Step]:
    return without(delivery(order), "packed")


def never_inspected(order: Order) -> list[Step]:
    return without(sent_back(order), "inspected")


def never_approved(order: Order) -> list[Step]:
    return without(order.dice.one_of((delivery, digital, called_off))(order), "approved")


def sent_before_capture(order: Order) -> list[Step]:
    return moved_before(delivery(order), "handed over", "captured")


def refund_before_return(order: Order) -> list[Step]:
    return moved_before(sent_back(order), "refund paid", "came back")


def collected_before_code(order: Order) -> list[Step]:
    return moved_before(collection(order), "collected", "shelved")


def short_pick(order: Order) -> list[Step]:
    """Fewer articles picked than reserved."""
    order.fill(order.dice.whole(3, 5))
    return thinned(order.dice, delivery(order), "picked", lost=order.dice.whole(1, 2))


def charged_twice(order: Order) -> list[Step]:
    again = [order.captured() for _ in range(order.dice.whole(1, 2))]
    return followed(order.dice.one_of((delivery, digital))(order), "captured", again)


def refunded_twice(order: Order) -> list[Step]:
    again = [order.refund_paid() for _ in range(order.dice.whole(1, 2))]
    return followed(sent_back(order), "refund paid", again)


def stuck_reservation(order: Order) -> list[Step]:
    """Fewer articles released than reserved."""
    order.fill(order.dice.whole(3, 5))
    return thinned(order.dice, called_off(order), "released", lost=order.dice.whole(1, 2))


def bank_storm(order: Order) -> list[Step]:
    """Nothing but the slow bank that normal orders know, far too often."""
    storm = [order.bank_slow() for _ in range(order.dice.whole(8, 18))]
    steps = order.dice.one_of((delivery, digital, collection))(order)
    return followed(steps, "authorising", storm)


def challenge_storm(order: Order) -> list[Step]:
    """Sent to the identity page over and over."""
    storm = [order.challenged() for _ in range(order.dice.whole(6, 12))]
    steps = order.dice.one_of((delivery, digital))(order)
    return followed(steps, "authorising", [*storm, order.identified()])


def carrier_storm(order: Order) -> list[Step]:
    carrier = order.dice.one_of(CARRIERS)
    refused = [
        logged(
            "carrier refused",
            "shipping",
            f"{carrier} turns away booking of {order.key}, knocking again ({number})",
            pause=0.6,
        )
        for number in range(1, order.dice.whole(6, 14))
    ]
    stranded = logged("stranded", "shipping", f"nobody fetches {order.key}, stranded on dock")
    return ended_after(delivery(order), "packed", [*refused, stranded])


NORMAL: tuple[tuple[float, Callable[[Order], list[Step]]], ...] = (
    (0.40, delivery),
    (0.22, digital),
    (0.16, collection),
    (0.12, sent_back),
    (0.10, called_off),
)

FAULTS: dict[str, dict[str, Callable[[Order], list[Step]]]] = {
    "error": {
        "fraud": fraud,
        "oversold": oversold,
        "crushed": crushed,
        "disputed": disputed,
        "wrong-tax": wrong_tax,
    },
    "missing": {
        "never-captured": never_captured,
        "never-packed": never_packed,
        "never-inspected": never_inspected,
        "never-approved": never_approved,
    },
    "order": {
        "sent-before-capture": sent_before_capture,
        "refund-before-return": refund_before_return,
        "collected-before-code": collected_before_code,
    },
    "count": {
        "short-pick": short_pick,
        "charged-twice": charged_twice,
        "refunded-twice": refunded_twice,
        "stuck-reservation": stuck_reservation,
    },
    "retry": {
        "bank-storm": bank_storm,
        "carrier-storm": carrier_storm,
        "challenge-storm": challenge_storm,
    },
}


def new_key(dice: Dice) -> str:
    return f"ord-{dice.hexadecimal(8)}"


def background(dice: Dice) -> Step:
    address = f"192.168.{dice.whole(0, 3)}.{dice.whole(2, 254)} port {dice.whole(32768, 60999)}"
    return dice.one_of(
        (
            logged(
                "cron", "cron", f"(root) CMD (/usr/local/bin/prices --page {dice.whole(1, 99)})"
            ),
            logged("price list", "stock", f"price list loaded, {dice.whole(4000, 4400)} articles"),
            logged("login", "sshd", f"Accepted publickey for deploy from {address} ssh2"),
            logged("clock", "kernel", f"clocksource: skew of {dice.whole(1, 900)} us corrected"),
        )
    )


def render(dice: Dice, milliseconds: int, step: Step) -> str:
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    # strftime has no portable day padded with a space, and its month follows the locale.
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[
        moment.month - 1
    ]
    number = dice.whole(0, len(HOSTS) - 1)
    process = PROCESSES[step.component]
    tag = f"{step.component}[{process + number}]" if process else step.component
    stamp = f"{month} {moment.day:>2} {moment:%H:%M:%S}"
    return f"{stamp} {HOSTS[number]} {tag}: {step.content}"


SCENE = Scene(
    name="web-shop",
    line_format="syslog",
    line_regex=None,
    time_format=None,
    key_regex=r"(ord-[0-9a-f]{8})",
    new_key=new_key,
    subject=Order,
    normal=NORMAL,
    faults=FAULTS,
    background=background,
    render=render,
)


def web_shop(sessions: int = 3000, seed: int = 0, anomaly_share: float = 0.03) -> DemoSystem:
    """The logs of a web shop; see `trainer.demo.story.play` for the arguments."""
    return play(SCENE, sessions, seed, anomaly_share)
