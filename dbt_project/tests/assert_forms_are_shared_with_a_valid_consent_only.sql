-- Told anew and in another way than the model tells it: no form is shareable whose child has no consent from day-care
-- to school that was given by the night's day, had not ended on it, and was given after every one that had.
select form_number
from {{ ref('int_shareable_description_forms') }} as forms
where not exists (
    select 1
    from {{ ref('stg_trivsel__consents') }} as given
    where
        given.municipality_code = forms.municipality_code
        and given.person_key = forms.person_key
        and given.transition = 'Dagtilbud-skole'
        and given.given_date <= {{ as_of() }}
        and (given.ended_date is null or given.ended_date > {{ as_of() }})
        and not exists (
            select 1
            from {{ ref('stg_trivsel__consents') }} as ended
            where
                ended.municipality_code = given.municipality_code
                and ended.person_key = given.person_key
                and ended.transition = given.transition
                and ended.ended_date between given.given_date and {{ as_of() }}
        )
)
