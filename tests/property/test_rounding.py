"""Events are whole yen. With the lines `rounding` of the reconciliation, the delivered money is met to the cent."""

from datetime import date
from decimal import Decimal

from tests.property.small import FIRST, company, deals, rows
from tests.property.workshop import Workshop


def test_rounding_is_a_line_of_the_reconciliation(workshop: Workshop) -> None:
    won = {"stage": "受注", "won_on": "2025-04-10"}
    built = workshop.build(
        company(
            {
                FIRST: {
                    "partners": rows("partner_id partner_name", ("P", "みどり電算")),
                    "fx_rates": rows("rate_on currency base_per_unit", ("2025-04-10", "USD", "150.25")),
                    "deals": deals(
                        {"deal_id": "A", **won, "amount": "100.49", "partner_id": "P"},
                        {"deal_id": "B", **won, "amount": "100.49", "partner_id": "P"},
                        {"deal_id": "C", **won, "amount": "0.5", "partner_id": "P"},
                        {"deal_id": "D", **won, "amount": "10.01", "currency": "USD", "partner_id": "P"},
                        {"deal_id": "E", **won, "amount": "7.77", "currency": "EUR", "partner_id": "P"},  # no rate
                    ),
                    "deal_amount_events": rows(
                        "event_id deal_id event_type event_on amount_delta",
                        ("R", "A", "return", "2025-03-31", "-50.30"),
                    ),
                }
            }
        )
    )
    assert built.red_guards == {}
    found = {
        (row["month"], row["currency"]): (row["left_amount"], row["right_amount"], row["difference"])
        for row in built["attribution.reconciliation"]
        if row["check_name"] == "rounding"
    }
    march, april = date(2025, 3, 1), date(2025, 4, 1)
    assert found == {
        (april, "JPY"): (Decimal("201.48"), 201, Decimal("0.48")),
        (april, "USD"): (Decimal("1504.00"), 1504, 0),
        (march, "JPY"): (Decimal("-50.30"), -50, Decimal("-0.30")),
    }
    events = sum(row["amount"] or 0 for row in built["core.fct_revenue"])
    rounding = sum((difference for _, _, difference in found.values()), Decimal(0))
    assert events + rounding == Decimal("201.48") + Decimal("1504.00") - Decimal("50.30")
