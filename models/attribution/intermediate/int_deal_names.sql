-- What the texts on a deal name on its credit date: the partner first, then a branch or rep of that partner and of no other.
-- A text that means nobody (なし, 直販, -) says nothing.
with deals as (
    select
        deal_id, credit_on, channel, created_on,
        case when not coalesce(partner_texts.is_nobody, false) then deals.partner_text end as partner_text,
        case when not coalesce(branch_texts.is_nobody, false) then deals.branch_text end as branch_text,
        case when not coalesce(rep_texts.is_nobody, false) then deals.rep_text end as rep_text
    from {{ ref('int_deals') }} as deals
    left join {{ ref('stg_texts') }} as partner_texts on deals.partner_text = partner_texts.text
    left join {{ ref('stg_texts') }} as branch_texts on deals.branch_text = branch_texts.text
    left join {{ ref('stg_texts') }} as rep_texts on deals.rep_text = rep_texts.text
    where coalesce(deals.partner_text, deals.branch_text, deals.rep_text) is not null
),

partners as (
    select * from {{ ref('int_partners') }}
),

-- A text is read once per day, however many deals bear it.
partner_texts as (
    select distinct partner_text as text, credit_on from deals where partner_text is not null
    union
    select distinct branch_text as text, credit_on from deals where branch_text is not null
),

-- Every registered partner with which a text begins, as it was called on the day.
partner_readings as (
    select
        partner_texts.text,
        partner_texts.credit_on,
        readings.partner_key,
        readings.is_bounded,
        readings.branch_key,
        readings.allows_stem,
        names.partner_id,
        identity.acting_partner_id,
        case when names.name_type = 'alias' then 0 else 1 end as name_rank,
        case
            when names.legal_form = texts.legal_form then 0
            when names.legal_form is null or texts.legal_form is null then 1
            else 2
        end as legal_form_rank
    from partner_texts
    inner join {{ ref('stg_texts') }} as texts on partner_texts.text = texts.text
    inner join {{ ref('stg_readings') }} as readings on partner_texts.text = readings.text
    inner join {{ ref('int_partner_names') }} as names
        on
            readings.partner_key = names.name_key
            and {{ is_within('partner_texts.credit_on', 'names.valid_from', 'names.valid_to') }}
    inner join {{ ref('int_partner_identity') }} as identity
        on
            names.partner_id = identity.partner_id
            and {{ is_within('partner_texts.credit_on', 'identity.valid_from', 'identity.valid_to') }}
    where readings.partner_key != ''
),

branch_names as (
    select
        names.*,
        coalesce(branches.opened_on, {{ since_ever() }}) as opened_on,
        coalesce(branches.closed_on, {{ for_ever() }}) as closed_on
    from {{ ref('int_branch_names') }} as names
    inner join {{ ref('int_branches') }} as branches on names.branch_id = branches.branch_id
),

-- A branch of that partner in the rest of the text.
partner_branches as (
    select
        partner_readings.text,
        partner_readings.credit_on,
        partner_readings.partner_key,
        partner_readings.acting_partner_id,
        partner_readings.branch_key,
        branch_names.branch_id,
        branch_names.name_type,
        {{ is_within('partner_readings.credit_on', 'branch_names.opened_on', 'branch_names.closed_on') }} as is_open
    from partner_readings
    inner join branch_names
        on
            partner_readings.acting_partner_id = branch_names.acting_partner_id
            and partner_readings.branch_key = branch_names.name_key
            and {{ is_within('partner_readings.credit_on', 'branch_names.valid_from', 'branch_names.valid_to') }}
    where partner_readings.allows_stem or branch_names.name_type != 'stem'
),

-- A registered name at the start counts up to a boundary or a branch of its own; the longest one wins, an alias before a name,
-- the same legal form before another.
named_partners as (
    select distinct text, credit_on, partner_key, partner_id, acting_partner_id, name_rank
    from (
        select
            partner_readings.*,
            rank() over (
                partition by partner_readings.text, partner_readings.credit_on
                order by length(partner_readings.partner_key) desc, partner_readings.name_rank, partner_readings.legal_form_rank
            ) as reading_rank
        from partner_readings
        left join (select distinct text, credit_on, partner_key, acting_partner_id from partner_branches) as own_branches
            on
                partner_readings.text = own_branches.text
                and partner_readings.credit_on = own_branches.credit_on
                and partner_readings.partner_key = own_branches.partner_key
                and partner_readings.acting_partner_id = own_branches.acting_partner_id
        where partner_readings.is_bounded or own_branches.text is not null
    ) as ranked
    where reading_rank = 1
),

-- Partners that ids and addresses name, the selling side first; who only helps is not meant by a text.
id_partners as (
    select
        deal_id,
        case
            when min(case when not is_beside then acting_partner_id end) = max(case when not is_beside then acting_partner_id end)
                then min(case when not is_beside then acting_partner_id end)
            when count(case when not is_beside then 1 end) = 0 and min(acting_partner_id) = max(acting_partner_id)
                then min(acting_partner_id)
        end as acting_partner_id
    from (
        select
            deal_id,
            acting_partner_id,
            is_of_distributor or coalesce(role = 'referrer', false) as is_beside
        from {{ ref('int_deal_lookups') }}
        where
            reason is null
            and acting_partner_id is not null
            and evidence_code != 'E01'
            and deal_id in (select deal_id from deals)
            and coalesce(role, '') not in ('co_sell', 'implementer')
    ) as named
    group by deal_id
),

-- Names are not unique. A text that names several companies names the one that the ids know, else none.
text_partners as (
    select
        deals.deal_id,
        deals.credit_on,
        deals.partner_text as text,
        case
            when count(distinct named_partners.acting_partner_id) = 1 then min(named_partners.acting_partner_id)
            else
                min(
                    case
                        when named_partners.acting_partner_id = id_partners.acting_partner_id
                            then named_partners.acting_partner_id
                    end
                )
        end as acting_partner_id,
        case when min(named_partners.name_rank) = 0 then 'alias' else 'name' end as matched_by
    from deals
    left join named_partners on deals.partner_text = named_partners.text and deals.credit_on = named_partners.credit_on
    left join id_partners on deals.deal_id = id_partners.deal_id
    where deals.partner_text is not null
    group by deals.deal_id, deals.credit_on, deals.partner_text
),

-- The partner whose branches and reps a deal's texts may name: its own text's, else that of the ids, else the one with which the
-- branch text itself begins.
known_partners as (
    select
        deals.deal_id,
        coalesce(
            text_partners.acting_partner_id,
            id_partners.acting_partner_id,
            case
                when count(distinct branch_text_partners.acting_partner_id) = 1
                    then min(branch_text_partners.acting_partner_id)
            end
        ) as acting_partner_id
    from deals
    left join text_partners on deals.deal_id = text_partners.deal_id
    left join id_partners on deals.deal_id = id_partners.deal_id
    left join named_partners as branch_text_partners
        on deals.branch_text = branch_text_partners.text and deals.credit_on = branch_text_partners.credit_on
    group by deals.deal_id, text_partners.acting_partner_id, id_partners.acting_partner_id
),

-- A branch text that is whole by itself: a partner and a branch of it.
whole_branch_texts as (
    select named_partners.text, named_partners.credit_on, min(named_partners.acting_partner_id) as acting_partner_id
    from named_partners
    inner join partner_branches
        on
            named_partners.text = partner_branches.text
            and named_partners.credit_on = partner_branches.credit_on
            and named_partners.partner_key = partner_branches.partner_key
            and named_partners.acting_partner_id = partner_branches.acting_partner_id
    group by named_partners.text, named_partners.credit_on
    having count(distinct named_partners.acting_partner_id) = 1
),

-- Both texts may hold a branch: after the partner's name, and the branch text also by itself. A branch text is asked of the known
-- partner first, then of the one that it names itself.
placed_texts as (
    select
        deals.deal_id, deals.partner_text as text, deals.credit_on, text_partners.acting_partner_id,
        false as is_branch_text, 1 as preference
    from deals
    inner join text_partners on deals.deal_id = text_partners.deal_id
    where text_partners.acting_partner_id is not null
    union all
    select
        deals.deal_id, deals.branch_text as text, deals.credit_on, known_partners.acting_partner_id,
        true as is_branch_text, 1 as preference
    from deals
    inner join known_partners on deals.deal_id = known_partners.deal_id
    where deals.branch_text is not null and known_partners.acting_partner_id is not null
    union all
    select
        deals.deal_id, deals.branch_text as text, deals.credit_on, whole_branch_texts.acting_partner_id,
        true as is_branch_text, 2 as preference
    from deals
    inner join whole_branch_texts
        on deals.branch_text = whole_branch_texts.text and deals.credit_on = whole_branch_texts.credit_on
),

asked_texts as (
    select distinct text, credit_on, acting_partner_id, is_branch_text from placed_texts
),

-- Where the named partner's part ends, the rest may be empty: the text then names no branch.
without_branch as (
    select distinct named_partners.text, named_partners.credit_on, named_partners.acting_partner_id
    from named_partners
    inner join {{ ref('stg_readings') }} as readings
        on named_partners.text = readings.text and named_partners.partner_key = readings.partner_key
    where readings.branch_key = ''
),

found_branches as (
    select
        asked_texts.text, asked_texts.credit_on, asked_texts.acting_partner_id, asked_texts.is_branch_text,
        partner_branches.branch_key, partner_branches.branch_id, partner_branches.name_type, partner_branches.is_open
    from asked_texts
    inner join named_partners
        on
            asked_texts.text = named_partners.text
            and asked_texts.credit_on = named_partners.credit_on
            and asked_texts.acting_partner_id = named_partners.acting_partner_id
    inner join partner_branches
        on
            named_partners.text = partner_branches.text
            and named_partners.credit_on = partner_branches.credit_on
            and named_partners.partner_key = partner_branches.partner_key
            and named_partners.acting_partner_id = partner_branches.acting_partner_id
    union all
    select
        asked_texts.text, asked_texts.credit_on, asked_texts.acting_partner_id, asked_texts.is_branch_text,
        readings.branch_key, branch_names.branch_id, branch_names.name_type,
        {{ is_within('asked_texts.credit_on', 'branch_names.opened_on', 'branch_names.closed_on') }} as is_open
    from asked_texts
    inner join {{ ref('stg_readings') }} as readings on asked_texts.text = readings.text
    inner join branch_names
        on
            asked_texts.acting_partner_id = branch_names.acting_partner_id
            and readings.branch_key = branch_names.name_key
            and {{ is_within('asked_texts.credit_on', 'branch_names.valid_from', 'branch_names.valid_to') }}
    where
        asked_texts.is_branch_text
        and readings.partner_key = ''
        and (readings.allows_stem or branch_names.name_type != 'stem')
),

-- An open branch before a closed one, a whole name before a stem, the longest whole name. What is left are several branches of
-- one name, or several ways to cut a stem from what follows: a tie.
branches_of_texts as (
    select
        text, credit_on, acting_partner_id, is_branch_text, branch_id, is_open,
        case min(case name_type when 'name' then 0 when 'alias' then 1 else 2 end)
            when 0 then 'name' when 1 then 'alias' else 'stem'
        end as matched_by
    from (
        select
            found_branches.*,
            rank() over (
                partition by text, credit_on, acting_partner_id, is_branch_text
                order by
                    case when is_open then 0 else 1 end,
                    case when name_type = 'stem' then 1 else 0 end,
                    case when name_type = 'stem' then 0 else length(branch_key) end desc
            ) as match_rank
        from found_branches
    ) as ranked
    where match_rank = 1
    group by text, credit_on, acting_partner_id, is_branch_text, branch_id, is_open
),

asked_partners as (
    select deal_id, text, credit_on, acting_partner_id, is_branch_text
    from (
        select
            placed_texts.*,
            row_number() over (
                partition by placed_texts.deal_id, placed_texts.is_branch_text
                order by case when found.text is null then 1 else 0 end, placed_texts.preference
            ) as choice
        from placed_texts
        left join (select distinct text, credit_on, acting_partner_id, is_branch_text from branches_of_texts) as found
            on
                placed_texts.text = found.text
                and placed_texts.credit_on = found.credit_on
                and placed_texts.acting_partner_id = found.acting_partner_id
                and placed_texts.is_branch_text = found.is_branch_text
    ) as ranked
    where choice = 1
),

branch_signals as (
    select
        asked_partners.deal_id,
        'E10' as evidence_code,
        'branch' as points_to,
        asked_partners.text as raw_value,
        branches_of_texts.matched_by,
        branches_of_texts.branch_id,
        cast(null as string) as rep_id,
        asked_partners.acting_partner_id,
        case
            when branches_of_texts.branch_id is null then 'BRANCH_UNKNOWN'
            when not branches_of_texts.is_open then 'BRANCH_CLOSED_AT_DATE'
        end as reason
    from asked_partners
    left join branches_of_texts
        on
            asked_partners.text = branches_of_texts.text
            and asked_partners.credit_on = branches_of_texts.credit_on
            and asked_partners.acting_partner_id = branches_of_texts.acting_partner_id
            and asked_partners.is_branch_text = branches_of_texts.is_branch_text
    left join without_branch
        on
            asked_partners.text = without_branch.text
            and asked_partners.credit_on = without_branch.credit_on
            and asked_partners.acting_partner_id = without_branch.acting_partner_id
    where branches_of_texts.branch_id is not null or without_branch.text is null
    union all
    -- A branch of nobody knows which partner.
    select
        deals.deal_id,
        'E10' as evidence_code,
        'branch' as points_to,
        deals.branch_text as raw_value,
        cast(null as string) as matched_by,
        cast(null as string) as branch_id,
        cast(null as string) as rep_id,
        cast(null as string) as acting_partner_id,
        'PARTNER_UNKNOWN' as reason
    from deals
    inner join known_partners on deals.deal_id = known_partners.deal_id
    where deals.branch_text is not null and known_partners.acting_partner_id is null
),

partner_signals as (
    select
        deal_id,
        'E11' as evidence_code,
        'partner' as points_to,
        text as raw_value,
        case when acting_partner_id is not null then matched_by end as matched_by,
        cast(null as string) as branch_id,
        cast(null as string) as rep_id,
        acting_partner_id,
        case when acting_partner_id is null then 'PARTNER_UNKNOWN' end as reason
    from text_partners
),

rep_texts as (
    select distinct deals.rep_text as text, deals.credit_on, known_partners.acting_partner_id
    from deals
    inner join known_partners on deals.deal_id = known_partners.deal_id
    where deals.rep_text is not null and known_partners.acting_partner_id is not null
),

person_keys as (
    select text, name_key from {{ ref('stg_texts') }} where name_key is not null
    union
    select text, person_key as name_key from {{ ref('stg_texts') }} where person_key is not null
),

-- Everybody of that name who stood for the partner at some time; on the day those who stood there then.
namesakes as (
    select
        rep_texts.text,
        rep_texts.credit_on,
        rep_texts.acting_partner_id,
        names.rep_id,
        max(
            case when {{ is_within('rep_texts.credit_on', 'names.valid_from', 'names.valid_to') }} then 1 else 0 end
        ) as is_posted,
        max(
            case when {{ is_within('rep_texts.credit_on', 'names.valid_from', 'names.valid_to') }} then names.branch_id end
        ) as branch_id
    from rep_texts
    inner join person_keys on rep_texts.text = person_keys.text
    inner join {{ ref('int_rep_names') }} as names
        on rep_texts.acting_partner_id = names.acting_partner_id and person_keys.name_key = names.name_key
    group by rep_texts.text, rep_texts.credit_on, rep_texts.acting_partner_id, names.rep_id
),

reps_of_texts as (
    select
        *,
        count(*) over (partition by text, credit_on, acting_partner_id, branch_id) as reps_at_branch,
        count(*) over namesakes_of_day as rep_count,
        min(case when is_open then 1 else 0 end) over namesakes_of_day as are_all_placed
    from (
        select
            namesakes.*,
            max(namesakes.is_posted) over (
                partition by namesakes.text, namesakes.credit_on, namesakes.acting_partner_id
            ) as is_any_posted,
            (branches.opened_on is null or branches.opened_on <= namesakes.credit_on)
            and (branches.closed_on is null or namesakes.credit_on < branches.closed_on)
            and branches.branch_id is not null as is_open
        from namesakes
        left join {{ ref('int_branches') }} as branches on namesakes.branch_id = branches.branch_id
    ) as marked
    where is_posted = is_any_posted
    window namesakes_of_day as (partition by text, credit_on, acting_partner_id)
),

-- Two reps of one name in one branch give the branch and no rep; one of them without a branch leaves all in doubt.
rep_signals as (
    select
        deals.deal_id,
        'E09' as evidence_code,
        'rep' as points_to,
        deals.rep_text as raw_value,
        case when reps_of_texts.rep_id is not null then 'name' end as matched_by,
        case when reps_of_texts.are_all_placed = 1 or reps_of_texts.rep_count = 1 then reps_of_texts.branch_id end as branch_id,
        case when reps_of_texts.reps_at_branch = 1 then reps_of_texts.rep_id end as rep_id,
        known_partners.acting_partner_id,
        case
            when known_partners.acting_partner_id is null then 'PARTNER_UNKNOWN'
            when reps_of_texts.rep_id is null or reps_of_texts.is_posted = 0 then 'REP_NO_ASSIGNMENT'
            when reps_of_texts.rep_count = 1 and reps_of_texts.branch_id is not null and not reps_of_texts.is_open
                then 'BRANCH_CLOSED_AT_DATE'
            when reps_of_texts.are_all_placed = 0 then 'REP_MULTI_BRANCH'
        end as reason
    from deals
    inner join known_partners on deals.deal_id = known_partners.deal_id
    left join reps_of_texts
        on
            deals.rep_text = reps_of_texts.text
            and deals.credit_on = reps_of_texts.credit_on
            and known_partners.acting_partner_id = reps_of_texts.acting_partner_id
    where deals.rep_text is not null
),

signals as (
    select * from branch_signals
    union all
    select * from partner_signals
    union all
    select * from rep_signals
)

select distinct
    deals.deal_id,
    deals.credit_on,
    signals.evidence_code,
    signals.points_to,
    signals.raw_value,
    signals.matched_by,
    signals.branch_id,
    signals.rep_id,
    coalesce(versions.partner_id, signals.acting_partner_id) as partner_id,
    signals.acting_partner_id,
    coalesce(deals.channel = 'distributor' and partners.partner_type = 'distributor', false) as is_of_distributor,
    deals.created_on as claimed_on,
    signals.reason
from signals
inner join deals on signals.deal_id = deals.deal_id
left join {{ ref('int_branch_history') }} as versions
    on
        signals.branch_id = versions.branch_id
        and {{ is_within('deals.credit_on', 'versions.valid_from', 'versions.valid_to') }}
left join partners on signals.acting_partner_id = partners.partner_id
