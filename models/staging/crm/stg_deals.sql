with latest as (
    {{ latest_rows('deals', ['deal_id']) }}
),

-- Facts from all extracts of the deal, not only the latest: when it first appeared, and whether it ever had a partner.
-- A revision that another one replaced is no extract.
reported as (
    select
        deal_id,
        min(extracted_on) as first_extracted_on,
        max(
            case when coalesce(partner_id, branch_id, rep_id, rep_email) is not null then 1 else 0 end
        ) = 1 as ever_named_a_partner
    from ({{ extract_rows('deals') }}) as extracted
    group by deal_id
)

select
    latest.deal_id,
    latest.deal_name,
    latest.customer_id,
    latest.customer_name,
    latest.amount,
    latest.currency,
    latest.stage,
    latest.deal_type,
    latest.channel,
    latest.created_at,
    latest.expected_close_on,
    latest.won_on,
    latest.closed_on,
    latest.lost_reason,
    latest.owner_staff_id,
    latest.partner_id,
    latest.branch_id,
    latest.rep_id,
    latest.rep_email,
    latest.partner_text,
    latest.branch_text,
    latest.rep_text,
    latest.parent_deal_id,
    latest.product_id,
    latest.partner_commission,
    latest.vendor_margin,
    latest.updated_at,
    latest.is_deleted,
    latest.source_name,
    latest.file_name,
    latest.row_number,
    latest.extracted_on,
    reported.first_extracted_on,
    reported.ever_named_a_partner
from latest
inner join reported on latest.deal_id = reported.deal_id
