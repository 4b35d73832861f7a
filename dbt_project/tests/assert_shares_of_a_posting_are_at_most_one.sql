-- Two patterns that together claim more than a whole posting would count money twice.
select
    municipality_code,
    posting_date,
    voucher_number,
    voucher_line,
    sum(share) as shares
from {{ ref('int_initiative_posting') }}
group by all
having sum(share) > 1
