-- Candidates from the roster for undecided deals. They are found by a company's present or former name, a branch's name on
-- other days, a name that few branches or reps have, a rep's assignments on other days, the owners of an address on other
-- days, and ids that are nearly the same.
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

-- Distinct, so that deals meet the names of reps by name and not by day alone.
rep_texts as (
    select distinct deals.deal_id, deals.credit_on, facts.rep_text as text, person_keys.name_key
    from facts
    inner join deals on facts.deal_id = deals.deal_id
    inner join person_keys on facts.rep_text = person_keys.text
    inner join rare_rep_names on person_keys.name_key = rare_rep_names.name_key
),

reps as (
    select texts.deal_id, texts.text, names.acting_partner_id as partner_id, names.branch_id, names.rep_id
    from rep_texts as texts
    inner join rep_names as names
        on
            texts.name_key = names.name_key
            and {{ is_within('texts.credit_on', 'names.valid_from', 'names.valid_to') }}
),

-- The branches of a rep without one branch on the day.
posts as (
    select signals.deal_id, signals.raw_value as text, posts.branch_id, signals.rep_id
    from {{ ref('int_deal_signals') }} as signals
    inner join {{ ref('dim_rep_assignment') }} as posts on signals.rep_id = posts.rep_id
    where
        signals.deal_id in (select deal_id from deals)
        and signals.reason in ('REP_NO_ASSIGNMENT', 'REP_MULTI_BRANCH')
),

lookups as (
    select lookups.* from {{ ref('int_deal_lookups') }} as lookups
    inner join deals on lookups.deal_id = deals.deal_id
    where lookups.reason in ('BRANCH_UNKNOWN', 'PARTNER_UNKNOWN')
),

nearly_named as (
    select lookups.deal_id, lookups.credit_on, lookups.raw_value, near_ids.points_to, near_ids.near_id
    from lookups
    inner join {{ ref('int_near_ids') }} as near_ids
        on lookups.points_to = near_ids.points_to and lookups.raw_value = near_ids.raw_value
    union
    select lookups.deal_id, lookups.credit_on, lookups.raw_value, points.owner_type, points.owner_id
    from lookups
    inner join {{ ref('int_contact_points') }} as points on lookups.raw_value = points.address
    where points.kind = 'email'
),

nearly as (
    select
        named.deal_id,
        named.raw_value as text,
        case named.points_to when 'branch' then named.near_id else posts.branch_id end as branch_id,
        posts.rep_id,
        case when named.points_to = 'partner' then named.near_id end as partner_id
    from nearly_named as named
    left join {{ ref('int_rep_posts') }} as posts
        on
            case when named.points_to = 'rep' then named.near_id end = posts.rep_id
            and {{ is_within('named.credit_on', 'posts.valid_from', 'posts.valid_to') }}
)

select deal_id, text as raw_value, branch_id, cast(null as string) as rep_id, partner_id from bearers
union
select deal_id, text as raw_value, branch_id, null as rep_id, partner_id from branches
union
select deal_id, text as raw_value, branch_id, rep_id, partner_id from reps
union
select deal_id, text as raw_value, branch_id, rep_id, null as partner_id from posts
union
select deal_id, text as raw_value, branch_id, rep_id, partner_id from nearly
where branch_id is not null or partner_id is not null
