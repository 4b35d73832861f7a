"""The Airflow DAG `extract_budget`; `wiring.py` makes it from the contracts of the domain."""

from airflow.sdk import DAG
from wiring import extract

dag: DAG = extract(
    "budget",
    purpose="Budgetaftalen og kommunens posteringer er modtaget, kontrolleret og klar til nattens tal.",
    description="""
Læser det politiske dokument (tekst eller PDF) og posteringerne fra Prisme. Hver leverance kontrolleres mod datasættets
aftale; dårlige rækker går i karantæne, resten lander. Derefter bedømmes leverancen som helhed. Tekst, CPR-nummer og
leverandør fra Prisme læses forbi og lander aldrig.
""",
    when_it_fails="""
- **Dokumentet er afvist:** oftest en ny indsats uden center eller udvalg, eller en økonomilinje med et beløb, der ikke
  kan læses. Fejlen nævner indsatsens linje. Ret dokumentet sammen med Center for Økonomi.
- **Posteringerne er afvist:** se efter en fil, der er skåret over (summen i linjen `Total` passer ikke), eller et
  udtræk med en anden kolonneopsætning. Bed om et nyt udtræk for hele perioden, ikke kun det manglende.
""",
)
