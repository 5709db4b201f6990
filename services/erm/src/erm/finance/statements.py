"""The sums of the transactions beside the sums that are kept."""

from typing import Final

from erm.finance.rules import SUMS

OF_YEAR: Final = "b.fiscal_year_id = coalesce($1, b.fiscal_year_id)"
COUNTS: Final = f"""
SELECT (SELECT count(*) FROM budget b WHERE {OF_YEAR}) AS budgets,
    (SELECT count(*) FROM encumbrance e JOIN budget b ON b.id = e.budget_id WHERE {OF_YEAR}) AS encumbrances,
    (SELECT count(*) FROM budget_transaction t JOIN budget b ON b.id = t.budget_id WHERE {OF_YEAR}) AS transactions
"""
BUDGETS: Final = f"""
SELECT 'budget' AS what, b.id, s.name AS sum, s.kept, s.rebuilt FROM budget b
LEFT JOIN (SELECT budget_id, {", ".join(f"sum({name})::bigint AS {name}" for name in SUMS)}
    FROM budget_transaction GROUP BY budget_id) t ON t.budget_id = b.id
CROSS JOIN LATERAL (VALUES {", ".join(f"('{n}', b.{n}, coalesce(t.{n}, 0))" for n in SUMS)}) s (name, kept, rebuilt)
WHERE {OF_YEAR} AND s.kept <> s.rebuilt ORDER BY b.id, s.name LIMIT 1000
"""
ENCUMBRANCES: Final = f"""
SELECT 'encumbrance' AS what, e.id, s.name AS sum, s.kept, s.rebuilt
FROM encumbrance e JOIN budget b ON b.id = e.budget_id
LEFT JOIN (SELECT encumbrance_id, sum(encumbered)::bigint AS amount, sum(awaiting)::bigint AS awaiting,
    sum(expended)::bigint AS expended, sum(credited)::bigint AS credited FROM budget_transaction
    WHERE encumbrance_id IS NOT NULL GROUP BY encumbrance_id) t ON t.encumbrance_id = e.id
CROSS JOIN LATERAL (VALUES ('amount', e.amount, coalesce(t.amount, 0)),
    ('awaiting', e.awaiting, coalesce(t.awaiting, 0)), ('expended', e.expended, coalesce(t.expended, 0)),
    ('credited', e.credited, coalesce(t.credited, 0)), ('amount-by-rule', e.amount, CASE e.state WHEN 'active'
        THEN least(e.initial, greatest(0, e.initial - e.awaiting - e.expended + e.credited)) ELSE 0 END))
    s (name, kept, rebuilt)
WHERE {OF_YEAR} AND s.kept <> s.rebuilt ORDER BY e.id, s.name LIMIT 1000
"""
TRANSFERS: Final = f"""
SELECT 'transfers' AS what, f.ledger_id AS id, b.fiscal_year_id::text AS sum, sum(b.transferred)::bigint AS kept,
    0::bigint AS rebuilt
FROM budget b JOIN fund f ON f.id = b.fund_id WHERE {OF_YEAR}
GROUP BY f.ledger_id, b.fiscal_year_id HAVING sum(b.transferred) <> 0 LIMIT 1000
"""
INVOICES: Final = """
SELECT 'invoice' AS what, i.id, 'booked' AS sum, k.kept, coalesce(t.booked, 0) AS rebuilt FROM invoice i
LEFT JOIN (SELECT t.invoice_id, sum(t.awaiting + t.expended - t.credited)::bigint AS booked,
        bool_or(b.fiscal_year_id = $1) AS of_year
    FROM budget_transaction t JOIN budget b ON b.id = t.budget_id WHERE t.invoice_id IS NOT NULL GROUP BY t.invoice_id)
    t ON t.invoice_id = i.id
CROSS JOIN LATERAL (SELECT CASE WHEN i.state IN ('approved', 'paid') THEN i.ledger_total ELSE 0 END AS kept) k
WHERE ($1::uuid IS NULL OR t.of_year) AND k.kept <> coalesce(t.booked, 0) ORDER BY i.id LIMIT 1000
"""
CHECKS: Final = (BUDGETS, ENCUMBRANCES, TRANSFERS, INVOICES)
"""Each tells what differs."""
REPAIR_BUDGETS: Final = f"""
UPDATE budget b SET version = b.version + 1, {", ".join(f"{name} = t.{name}" for name in SUMS)}
FROM (SELECT b.id, {", ".join(f"coalesce(sum(t.{name}), 0)::bigint AS {name}" for name in SUMS)}
    FROM budget b LEFT JOIN budget_transaction t ON t.budget_id = b.id WHERE {OF_YEAR} GROUP BY b.id) t
WHERE t.id = b.id AND ({", ".join(f"b.{name}" for name in SUMS)}) IS DISTINCT FROM
    ({", ".join(f"t.{name}" for name in SUMS)})
"""
REPAIR_ENCUMBRANCES: Final = f"""
UPDATE encumbrance e SET amount = t.amount, awaiting = t.awaiting, expended = t.expended, credited = t.credited
FROM (SELECT e.id, coalesce(sum(t.encumbered), 0)::bigint AS amount, coalesce(sum(t.awaiting), 0)::bigint AS awaiting,
        coalesce(sum(t.expended), 0)::bigint AS expended, coalesce(sum(t.credited), 0)::bigint AS credited
    FROM encumbrance e JOIN budget b ON b.id = e.budget_id
    LEFT JOIN budget_transaction t ON t.encumbrance_id = e.id WHERE {OF_YEAR} GROUP BY e.id) t
WHERE t.id = e.id AND (e.amount, e.awaiting, e.expended, e.credited) IS DISTINCT FROM
    (t.amount, t.awaiting, t.expended, t.credited)
"""
