with

forms as (
    select * from {{ ref('stg_trivsel__description_forms') }}
),

consents as (
    select * from {{ ref('stg_trivsel__consents') }}
    where transition = 'Dagtilbud-skole' and given_date <= {{ as_of() }}
),

-- Who withdraws, withdraws for the child: a consent holds only if it was given after all that had ended.
children as (
    select
        municipality_code,
        person_key,
        max(given_date) filter (
            where ended_date is null or ended_date > {{ as_of() }}
        ) as consented_date,
        max(ended_date) filter (where ended_date <= {{ as_of() }}) as ended_date
    from consents
    group by all
),

holding as (
    select
        municipality_code,
        person_key,
        consented_date
    from children
    where consented_date > coalesce(ended_date, date '0001-01-01')
),

-- The consent comes before the form is joined to anything; what the platform shows on the form itself decides nothing.
shareable as (
    select
        forms.municipality_code,
        forms.form_number,
        forms.person_key,
        forms.daycare_house_code,
        forms.form_date,
        forms.school_readiness,
        forms.is_school_ready,
        forms.school_number,
        forms.is_sent_to_school,
        holding.consented_date,
        forms.delivery_id
    from holding
    inner join forms
        on
            holding.municipality_code = forms.municipality_code
            and holding.person_key = forms.person_key
    where forms.form_date <= {{ as_of() }}
)

select * from shareable
