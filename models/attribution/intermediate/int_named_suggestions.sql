-- What the roster has about the names and people of undecided deals: every company that has or had the name, branches by a
-- name of other days, branches and reps whose name few others have, and where a rep was on other days.
with deals as (
    select * from {{ ref('int_undecided_deals') }}
),

facts as (
    select deal_id, rep_text from {{ ref('int_deals') }} where rep_text is not null
),

branch_names as (
    select distinct branch_id, acting_partner_id, name_key, name_type from {{ ref('int_branch_names') }}
),

rep_names as (
    select distinct rep_id, acting_partner_id, name_key, branch_id, valid_from, valid_to
    from {{ ref('int_rep_names') }}
),

texts as (
    select deal_id, credit_on, acting_partner_id, is_partner_known, partner_text as text, false as is_branch_text
    from deals
    where partner_text is not null
    union all
    select deal_id, credit_on, acting_partner_id, is_partner_known, branch_text as text, true as is_branch_text
    from deals
    where branch_text is not null
),

bearers as (
    select texts.deal_id, texts.text, named.acting_partner_id as partner_id, named.branch_id
    from texts
    inner join {{ ref('int_text_partners') }} as named on texts.text = named.text and texts.credit_on = named.credit_on
    where not texts.is_partner_known
),

-- A name that few have is a suggestion. A name that many have, such as 本社, is not.
rare_branch_names as (
    select name_key from branch_names where name_type not in ('stem', 'bare') group by name_key having count(distinct branch_id) <= 3
),

branches as (
    select texts.deal_id, texts.text, branch_names.acting_partner_id as partner_id, branch_names.branch_id
    from texts
    inner join {{ ref('stg_readings') }} as readings on texts.text = readings.text
    inner join branch_names
        on texts.acting_partner_id = branch_names.acting_partner_id and readings.branch_key = branch_names.name_key
    where texts.is_partner_known and (readings.allows_stem or branch_names.name_type not in ('stem', 'bare'))
    union
    select texts.deal_id, texts.text, branch_names.acting_partner_id as partner_id, branch_names.branch_id
    from texts
    inner join {{ ref('stg_readings') }} as readings on texts.text = readings.text and readings.partner_key = ''
    inner join rare_branch_names on readings.branch_key = rare_branch_names.name_key
    inner join branch_names on readings.branch_key = branch_names.name_key and branch_names.name_type not in ('stem', 'bare')
    where texts.is_branch_text and not texts.is_partner_known
),

rare_rep_names as (
    select name_key from rep_names group by name_key having count(distinct rep_id) <= 3
),

person_keys as (
    select text, name_key from {{ ref('stg_texts') }} where name_key is not null
    union
    select text, person_key as name_key from {{ ref('stg_texts') }} where person_key is not null
),

reps as (
    select deals.deal_id, facts.rep_text as text, names.acting_partner_id as partner_id, names.branch_id, names.rep_id
    from facts
    inner join deals on facts.deal_id = deals.deal_id
    inner join person_keys on facts.rep_text = person_keys.text
    inner join rare_rep_names on person_keys.name_key = rare_rep_names.name_key
    inner join rep_names as names
        on
            person_keys.name_key = names.name_key
            and {{ is_within('deals.credit_on', 'names.valid_from', 'names.valid_to') }}
),

-- The branches of a rep without one branch on the day.
posts as (
    select signals.deal_id, signals.raw_value as text, posts.branch_id, signals.rep_id
    from {{ ref('int_deal_signals') }} as signals
    inner join {{ ref('dim_rep_assignment') }} as posts on signals.rep_id = posts.rep_id
    where
        signals.deal_id in (select deal_id from deals)
        and signals.reason in ('REP_NO_ASSIGNMENT', 'REP_MULTI_BRANCH')
)

select deal_id, text as raw_value, branch_id, cast(null as string) as rep_id, partner_id from bearers
union
select deal_id, text as raw_value, branch_id, null as rep_id, partner_id from branches
union
select deal_id, text as raw_value, branch_id, rep_id, partner_id from reps
union
select deal_id, text as raw_value, branch_id, rep_id, null as partner_id from posts
