"""One order of the web shop, and the line for each thing that can be logged of it."""

from trainer.demo.dice import Dice
from trainer.demo.story import Step

CARDS = ("visa", "mastercard", "amex", "giropay")
CARRIERS = ("dhl", "ups", "hermes", "gls")


def logged(name: str, program: str, content: str, pause: float = 0.3) -> Step:
    """The step of a service of the shop."""
    # RFC 3164 lines in a file carry no level; where a service has one, it says it in the text.
    return Step(name, "", program, content, pause)


class Order:
    """The parameters of one order; every method makes the step that logs one event of it."""

    def __init__(self, dice: Dice, key: str) -> None:
        self.dice = dice
        self.key = key
        count = dice.one_of((1, 2, 3, 4, 5, 6), (0.25, 0.3, 0.2, 0.12, 0.08, 0.05))
        self.fill(count)
        self.card = dice.one_of(CARDS)
        self.customer = f"u{dice.whole(10000, 99999)}"
        self.address = f"81.{dice.whole(0, 255)}.{dice.whole(0, 255)}.{dice.whole(1, 254)}"

    def fill(self, count: int) -> None:
        """Put `count` articles in the cart, in place of what was there."""
        self.articles = [f"sku-{self.dice.whole(10000, 99999)}" for _ in range(count)]
        cents = sum(self.dice.whole(299, 8999) for _ in self.articles)
        self.total = f"{cents // 100}.{cents % 100:02d}"

    # The cart.

    def signed_in(self) -> Step:
        content = f"customer {self.customer} signed in from {self.address} with {self.key}"
        return logged("signed in", "checkout", content)

    def cart_validated(self) -> Step:
        content = f"order {self.key}: cart validated, {len(self.articles)} items, "
        return logged("cart validated", "checkout", f"{content}total {self.total} EUR")

    def address_confirmed(self) -> Step:
        postcode = self.dice.whole(10115, 99998)
        content = f"order {self.key}: delivery address confirmed, postcode {postcode}"
        return logged("address confirmed", "checkout", content)

    def address_unknown(self) -> Step:
        """A warning that means no harm: the customer knows better than the street list."""
        content = f"warning: street of {self.key} not on the map, customer insists"
        return logged("address unknown", "checkout", content)

    def voucher_applied(self) -> Step:
        content = f"voucher V{self.dice.whole(1000, 9999)} takes 10 percent off {self.key}"
        return logged("voucher applied", "checkout", content)

    def voucher_rejected(self) -> Step:
        """Sounds bad, is not: it ran out."""
        content = (
            f"warning: voucher V{self.dice.whole(1000, 9999)} rejected for {self.key}, expired"
        )
        return logged("voucher rejected", "checkout", content)

    def gift_wrapped(self) -> Step:
        content = f"gift wrapping number {self.dice.whole(1, 9)} chosen for {self.key}"
        return logged("gift wrapped", "checkout", content)

    # Money.

    def authorising(self) -> Step:
        content = f"authorising {self.total} EUR by {self.card} for {self.key}"
        return logged("authorising", "payment", content)

    def bank_slow(self) -> Step:
        content = f"warning: bank slow to reply on {self.key}, asking again"
        return logged("bank slow", "payment", content, pause=0.7)

    def challenged(self) -> Step:
        content = f"sent customer of {self.key} to identity page {self.dice.hexadecimal(12)}"
        return logged("challenged", "payment", content)

    def identified(self) -> Step:
        content = f"identity proven for {self.key}, trust level {self.dice.whole(2, 4)}"
        return logged("identified", "payment", content, pause=1.0)

    def approved(self) -> Step:
        content = f"bank approved {self.key} under reference {self.dice.hexadecimal(10)}"
        return logged("approved", "payment", content, pause=0.6)

    def captured(self) -> Step:
        content = f"captured {self.total} EUR for {self.key}, batch {self.dice.whole(100, 999)}"
        return logged("captured", "payment", content)

    def voided(self) -> Step:
        content = f"authorisation of {self.total} EUR for {self.key} voided"
        return logged("voided", "payment", content)

    def refund_granted(self) -> Step:
        content = f"refund of {self.total} EUR granted for {self.key}"
        return logged("refund granted", "payment", content)

    def refund_paid(self) -> Step:
        content = f"paid back {self.total} EUR for {self.key} to {self.card}"
        return logged("refund paid", "payment", content)

    # Goods.

    def reserved(self, article: str) -> Step:
        content = f"reserved {article} for {self.key} in aisle {self.dice.whole(1, 40)}"
        return logged("reserved", "stock", content, pause=0.1)

    def all_reserved(self) -> Step:
        content = f"every article of {self.key} is reserved until 18:00"
        return logged("all reserved", "stock", content)

    def released(self, article: str) -> Step:
        content = f"reservation of {article} by {self.key} released"
        return logged("released", "stock", content, pause=0.1)

    def picked(self, article: str) -> Step:
        content = f"picked {article} for {self.key}, shelf B{self.dice.whole(1, 60)}"
        return logged("picked", "warehouse", content, pause=0.7)

    def packed(self) -> Step:
        content = f"packed {self.key} into box {self.dice.whole(1, 8)}, {self.grams()} g"
        return logged("packed", "warehouse", content, pause=0.7)

    def grams(self) -> int:
        return sum(self.dice.whole(80, 2500) for _ in self.articles)

    def labelled(self) -> Step:
        label = self.dice.whole(10**11, 10**12 - 1)
        content = f"label {label} printed for {self.key}, carrier {self.dice.one_of(CARRIERS)}"
        return logged("labelled", "shipping", content)

    def handed_over(self) -> Step:
        content = f"parcel of {self.key} handed to driver, tour {self.dice.whole(1, 99)}"
        return logged("handed over", "shipping", content, pause=0.8)

    # Mail.

    def confirmed(self) -> Step:
        content = f"confirmation of {self.key} mailed to {self.customer}"
        return logged("confirmed", "mailer", content)

    def invoiced(self) -> Step:
        content = f"invoice 2026-{self.dice.whole(10000, 99999)} for {self.key} mailed"
        return logged("invoiced", "mailer", content)

    # Downloads.

    def licensed(self, article: str) -> Step:
        content = f"licence {self.dice.hexadecimal(16)} issued to {self.key} for {article}"
        return logged("licensed", "download", content)

    def linked(self) -> Step:
        content = f"download link of {self.key} valid for 48 hours"
        return logged("linked", "download", content)

    def downloading(self) -> Step:
        content = f"customer at {self.address} downloads {self.dice.whole(5, 900)} MB of {self.key}"
        return logged("downloading", "download", content, pause=0.9)

    def downloaded(self) -> Step:
        content = f"download for {self.key} ended, {self.dice.whole(2, 90)} links left"
        return logged("downloaded", "download", content, pause=0.9)

    # Collection in a branch.

    def branch_chosen(self) -> Step:
        content = f"order {self.key}: collection at branch {self.dice.whole(1, 30)}"
        return logged("branch chosen", "checkout", content)

    def shelved(self) -> Step:
        content = f"goods of {self.key} wait at counter {self.dice.whole(1, 6)}"
        return logged("shelved", "counter", content)

    def code_sent(self) -> Step:
        content = f"collection code {self.dice.whole(1000, 9999)} for {self.key} mailed"
        return logged("code sent", "mailer", content)

    def reminded(self) -> Step:
        content = f"reminder mailed: {self.key} still to be collected"
        return logged("reminded", "mailer", content, pause=1.2)

    def collected(self) -> Step:
        content = f"{self.key} collected, identity card ending {self.dice.whole(100, 999)} shown"
        return logged("collected", "counter", content, pause=1.0)

    # Returns and cancellations.

    def return_asked(self) -> Step:
        content = f"customer {self.customer} wants to return {self.key}, reason "
        return logged("return asked", "returns", f"{content}{self.dice.whole(1, 9)}")

    def return_label(self) -> Step:
        content = f"return label for {self.key} mailed to {self.customer}"
        return logged("return label", "mailer", content)

    def came_back(self) -> Step:
        content = f"returned parcel of {self.key} arrived at gate {self.dice.whole(1, 9)}"
        return logged("came back", "returns", content, pause=1.2)

    def inspected(self, article: str) -> Step:
        content = f"inspected {article} of {self.key}, grade {self.dice.whole(1, 4)}"
        return logged("inspected", "returns", content, pause=0.6)

    def back_on_shelf(self, article: str) -> Step:
        content = f"{article} from {self.key} back on shelf B{self.dice.whole(1, 60)}"
        return logged("back on shelf", "stock", content)

    def worn(self, article: str) -> Step:
        """A warning of every day: used goods go to the outlet."""
        content = f"warning: {article} from {self.key} shows wear, goes to outlet"
        return logged("worn", "stock", content)

    def cancelled(self) -> Step:
        content = f"order {self.key}: customer changed mind, cancelling"
        return logged("cancelled", "checkout", content, pause=1.2)

    def cancellation_mailed(self) -> Step:
        content = f"cancellation of {self.key} mailed to {self.customer}"
        return logged("cancellation mailed", "mailer", content)
