"""The Airflow DAG `extract_referrals`; `wiring.py` makes it from the contracts of the domain."""

from airflow.sdk import DAG
from wiring import extract

dag: DAG = extract(
    "referrals",
    purpose="Henvisninger til fritidsmentorerne (Icehearts), Familiehuset og PPR er modtaget, kontrolleret og klar.",
    description="""
Læser udtræk fra indsatsernes egne registre. CPR-numre bliver til nøgler i et formål for sig (social), så de ikke kan
lægges sammen med skoledata; navne og noter lander aldrig.
""",
    when_it_fails="""
- **Udtrækket er afvist:** registrene føres i hånden, så se først efter lukkede forløb uden slutdato og nye koder for
  indsats eller henviser. Fejlen nævner linjen, aldrig barnet. Ret i registret og send perioden igen.
- **Tal om henvisninger er om få børn.** Skriv aldrig antal eller linjer fra filen i en sag, en mail eller en besked.
""",
)
