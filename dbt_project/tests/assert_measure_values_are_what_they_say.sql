-- the value again from numerator and denominator, by the scale that the catalogue gives the part; all numbers are exact
-- decimals, and half a millionth is what rounding to six decimals may take
select facts.*
from {{ ref('fct_measure') }} as facts
inner join {{ ref('measure_part') }} as parts
    on
        facts.measure_id = parts.measure_id
        and facts.measure_part = parts.measure_part
where
    case
        when parts.is_quotient
            then
                (facts.value is null) != (facts.numerator is null or coalesce(facts.denominator, 0) = 0)
                or abs(facts.value * facts.denominator - facts.numerator) > abs(facts.denominator) * 0.0000005
        when parts.value_scale = 'count'
            then facts.denominator is not null or facts.value is distinct from facts.numerator
        when parts.value_scale = 'smiley' then facts.value not in (0, 1)
        else facts.denominator is null and facts.value is not null
    end
